/** @jsxImportSource hono/jsx */
/** The sides of a message that check it: where its links lead, and what mail programs can't show of it. */

import type { MailView } from "../api/mail_reader.ts";
import type { FeatureSupport, HtmlCheck, UsedFeature } from "../preview/html_check.ts";
import { type LinkCheck, type LinkResult, messageLinks } from "../preview/link_check.ts";
import type { View } from "./context.ts";
import { count } from "./format.ts";
import { ActionForm } from "./parts.tsx";

const KIND_WORDS = { link: "link", image: "picture", style: "style" } as const;

/** The links; they are asked for when somebody wants it. */
export function LinksSide(
  { view, mail, path, checked }: { view: View; mail: MailView; path: string; checked: LinkCheck | undefined },
) {
  const links = messageLinks(mail);
  if (links.length === 0) return <p class="quiet">The message names no links and no pictures elsewhere.</p>;
  const results = new Map(checked?.links.map((result) => [result.url, result]));
  return (
    <>
      <ActionForm view={view} action={`${path}/links`} class="frame-tools">
        <p class="small-print">
          {checked === undefined
            ? "Nobody has asked these yet. A check asks each of them from this server, which may do what a click does."
            : verdict(checked)}
        </p>
        <button type="submit">{checked === undefined ? "Check them" : "Check again"}</button>
      </ActionForm>
      <table class="stack">
        <thead>
          <tr>
            <th>Leads to</th>
            <th>What</th>
            {checked === undefined ? null : <th>Answer</th>}
          </tr>
        </thead>
        <tbody>
          {links.map(({ url, kind }) => (
            <tr key={url}>
              <td>
                <a href={url} rel="noreferrer noopener nofollow" target="_blank">
                  <bdi>{url}</bdi>
                </a>
              </td>
              <td>{KIND_WORDS[kind]}</td>
              {checked === undefined ? null : <Answer result={results.get(url)} />}
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function verdict({ links, left }: LinkCheck): string {
  const wrong = links.filter(({ ok }) => !ok).length;
  const said = wrong === 0 ? "All answered well" : `${wrong} of ${links.length} did not answer well`;
  return left === 0 ? `${said}.` : `${said}; ${left} more were not asked.`;
}

function Answer({ result }: { result: LinkResult | undefined }) {
  if (!result) return <td class="quiet">not asked</td>;
  const { ok, text, redirects } = result;
  return (
    <td>
      <span class={`badge ${ok ? "s-delivered" : "s-failed"}`}>{text}</span>
      {redirects.length === 0 ? null : (
        <p class="small-print">
          by way of <bdi>{redirects.join(" → ")}</bdi>
        </p>
      )}
    </td>
  );
}

/** What mail programs lack of what the HTML uses. */
export function CompatibilitySide({ check: { features, cut } }: { check: HtmlCheck }) {
  const lacking = features.map(lackOf).filter(({ no, partial }) => no.length + partial.length > 0);
  return (
    <>
      <p class="small-print">
        {`It uses ${count(features.length, "feature")} of HTML and CSS; ${
          lacking.length === 0
            ? "all mail programs have them."
            : `${lacking.length} of them some mail programs lack.`
        } By the tables of caniemail.com; which style is put to use is not looked at.`}
        {cut ? " Only the beginning of this long part was looked at." : ""}
      </p>
      {lacking.length === 0 ? null : (
        <table class="stack checks">
          <thead>
            <tr>
              <th>Feature</th>
              <th>Not in</th>
              <th>In part in</th>
            </tr>
          </thead>
          <tbody>
            {lacking.map(({ feature, newest, no, partial }) => (
              <tr key={feature.slug}>
                <td>
                  <a href={feature.url} rel="noreferrer noopener" target="_blank">{feature.title}</a>
                  <p class="small-print">{`used ${count(feature.found, "time")}`}</p>
                </td>
                <td data-label="Not in">{programs(no, newest)}</td>
                <td data-label="In part in">
                  {programs(partial, newest)}
                  <Notes feature={feature} of={partial} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

interface Lack {
  readonly feature: UsedFeature;
  /** The newest version of each program. */
  readonly newest: readonly FeatureSupport[];
  readonly no: readonly FeatureSupport[];
  readonly partial: readonly FeatureSupport[];
}

function lackOf(feature: UsedFeature): Lack {
  const newest = [...new Map(feature.results.map((result) => [result.program, result])).values()];
  const of = (support: FeatureSupport["support"]) => newest.filter((result) => result.support === support);
  return { feature, newest, no: of("no"), partial: of("partial") };
}

/** `Gmail (iOS, Android), Outlook`: a family whose programs all lack it stands for them. */
function programs(lacking: readonly FeatureSupport[], newest: readonly FeatureSupport[]): string {
  const families = Map.groupBy(lacking, ({ family }) => family);
  return [...families].map(([family, of]) => {
    const [, name = "", platform = ""] = /^(.*) \((.*)\)$/.exec(of[0]!.program) ?? [];
    const all = newest.filter((result) => result.family === family).length;
    if (of.length === all) return all === 1 ? `${name} (${platform})` : name;
    return `${name} (${of.map(({ program }) => / \((.*)\)$/.exec(program)?.[1]).join(", ")})`;
  }).join(", ");
}

function Notes({ feature, of }: { feature: UsedFeature; of: readonly FeatureSupport[] }) {
  const notes = new Set(of.flatMap((result) => result.notes.map((note) => feature.notes[note] ?? "")));
  notes.delete("");
  if (notes.size === 0) return null;
  return (
    <details>
      <summary>In which part</summary>
      <ul class="notes">
        {[...notes].map((note) => <li key={note}>{note.replaceAll("`", "")}</li>)}
      </ul>
    </details>
  );
}
