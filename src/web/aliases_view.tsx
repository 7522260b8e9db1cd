/** @jsxImportSource hono/jsx */
/** The aliases' view: names that stand for others; made, changed and removed by forms. */

import { type Context, Hono } from "hono";
import { parseMailbox, splitMailbox } from "../mail/address.ts";
import type { Alias, ListedAlias } from "../recipients/aliases.ts";
import { Problem, quoted } from "../http/problem.ts";
import type { PageContext, PageEnv, View } from "./context.ts";
import { count } from "./format.ts";
import { type Form, readOwnForm } from "./forms.ts";
import { Head } from "./layout.tsx";
import type { Undo } from "./flash_messages.ts";
import { ActionForm, Addresses, Card, Complaint, Empty, Field } from "./parts.tsx";
import { goBack, show } from "./render.tsx";

const MAX_TARGETS = 1000;

/** The page, and its forms' targets. */
export function aliasPages(page: PageContext): Hono<PageEnv> {
  const { aliases } = page.options;
  return new Hono<PageEnv>()
    .get("/aliases", async (c) => {
      const edited = parseMailbox(c.req.query("edit") ?? "");
      return await list(c, page, { alias: edited === undefined ? undefined : await aliases.get(edited) });
    })
    .post("/aliases", async (c) => {
      const form = await readOwnForm(c);
      const alias = aliasOf(form, page.options.domains);
      if (typeof alias === "string") return await list(c, page, { form, complaint: alias });
      const before = await aliases.get(alias.address);
      await aliases.put(alias);
      const undo = undoOf(alias.address, before);
      const text = `${alias.address} stands for ${count(alias.targets.length, "address", "addresses")}`;
      return goBack(c, page, {
        back: "/aliases",
        otherwise: "/aliases",
        flashMessage: { kind: "done", text, undo },
      });
    })
    .post("/aliases/remove", async (c) => {
      const form = await readOwnForm(c);
      const address = parseMailbox(form.text("address"));
      if (address === undefined) throw new Problem(400, "The form does not say which alias");
      const before = await aliases.get(address);
      const came = await aliases.remove(address);
      const flashMessage = came === "removed"
        ? {
          kind: "done",
          text: `The alias ${address} is removed`,
          undo: before && undoOf(address, before),
        } as const
        : {
          kind: "error",
          text: came === "configured"
            ? `${address} is in the configuration; take it out there`
            : `There is no alias ${address}`,
        } as const;
      return goBack(c, page, { back: "/aliases", otherwise: "/aliases", flashMessage });
    });
}

/** What takes a change back: what was there before, or nothing. */
function undoOf(address: string, before: Alias | undefined): Undo {
  if (before === undefined) {
    return { label: "Undo: remove it", action: "/aliases/remove", fields: [["address", address]] };
  }
  return {
    label: "Undo",
    action: "/aliases",
    fields: [["address", address], ["targets", before.targets.join("\n")], ["owner", before.owner ?? ""]],
  };
}

/** The alias that a form describes, or what is wrong with it. */
function aliasOf(form: Form, domains: readonly string[]): Alias | string {
  const address = parseMailbox(form.text("address"));
  if (address === undefined) {
    return `“${quoted(form.text("address"))}” is no address such as staff@${domains[0]}`;
  }
  const { domain } = splitMailbox(address);
  if (!domains.includes(domain)) return `${domain} is not delivered here; ${domains.join(", ")} is`;
  const targets: string[] = [];
  for (const text of form.text("targets").split(/[\s,;]+/).filter((t) => t !== "")) {
    const target = parseMailbox(text);
    if (target === undefined) return `“${quoted(text)}” is no address`;
    if (!targets.includes(target)) targets.push(target);
  }
  if (targets.length === 0) return "Say whom the alias stands for";
  if (targets.length > MAX_TARGETS) return `An alias stands for ${MAX_TARGETS} addresses at most`;
  const ownerText = form.text("owner");
  const owner = ownerText === "" ? undefined : parseMailbox(ownerText);
  if (ownerText !== "" && owner === undefined) return `“${quoted(ownerText)}” is no address`;
  return { address, targets, ...(owner === undefined ? {} : { owner }) };
}

async function list(
  c: Context<PageEnv>,
  page: PageContext,
  of: { form?: Form; complaint?: string; alias?: Alias | undefined },
): Promise<Response> {
  const all = await page.options.aliases.list();
  const { form, complaint, alias } = of;
  const fields = {
    address: form?.text("address") ?? alias?.address ?? "",
    targets: form?.text("targets") ?? alias?.targets.join("\n") ?? "",
    owner: form?.text("owner") ?? alias?.owner ?? "",
  };
  return await show(c, page, {
    title: "Aliases",
    at: "aliases",
    status: complaint === undefined ? 200 : 422,
    body: (view) => (
      <AliasesView
        view={view}
        all={all}
        fields={fields}
        complaint={complaint}
        domain={page.options.domains[0]}
      />
    ),
  });
}

interface AliasFormProps {
  readonly view: View;
  readonly fields: { address: string; targets: string; owner: string };
  readonly complaint: string | undefined;
  readonly domain: string | undefined;
}

function AliasesView(p: AliasFormProps & { readonly all: readonly ListedAlias[] }) {
  const { view, all } = p;
  return (
    <>
      <Head title="Aliases" lead="Names that stand for one address or for many." />
      <Card title={count(all.length, "alias", "aliases")} id="aliases" live>
        {all.length === 0
          ? (
            <Empty title="There is no alias yet">
              Make one below, such as a name for a whole team, or for postmaster.
            </Empty>
          )
          : <AliasTable view={view} all={all} />}
      </Card>
      <AliasForm {...p} />
    </>
  );
}

function AliasForm({ view, fields, complaint, domain }: AliasFormProps) {
  return (
    <Card title={fields.address === "" ? "New alias" : "Change the alias"} id="alias-form">
      <ActionForm view={view} action="/aliases" class="pad">
        <Complaint text={complaint} />
        <div class="fields">
          <Field
            id="alias-address"
            name="address"
            label="Name"
            type="email"
            required
            placeholder={`staff@${domain}`}
            value={fields.address}
          />
          <div class="field">
            <label for="alias-targets">Stands for</label>
            <textarea
              id="alias-targets"
              name="targets"
              rows={4}
              required
              aria-describedby="alias-targets-hint"
            >
              {fields.targets}
            </textarea>
            <p class="hint" id="alias-targets-hint">One address a line, here or elsewhere.</p>
          </div>
          <Field
            id="alias-owner"
            name="owner"
            label="Owner"
            type="email"
            value={fields.owner}
            hint="Makes it a list: its owner hears of failures, not the writer."
          />
        </div>
        <div class="buttons">
          <button type="submit" class="primary">Save</button>
        </div>
      </ActionForm>
    </Card>
  );
}

function AliasTable({ view, all }: { view: View; all: readonly ListedAlias[] }) {
  return (
    <table class="stack">
      <thead>
        <tr>
          <th>Name</th>
          <th>Stands for</th>
          <th>
            <span class="unseen">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {all.map(({ address, targets, owner, source }) => (
          <tr key={address} data-row={address}>
            <td>
              <a class="row-link" href={`/aliases?edit=${encodeURIComponent(address)}#alias-form`}>
                <bdi>{address}</bdi>
              </a>
              {owner === undefined ? null : (
                <p class="small-print">
                  a list of <bdi>{owner}</bdi>
                </p>
              )}
            </td>
            <td>
              <Addresses of={targets} most={5} />
            </td>
            <td class="number">
              {source === "config"
                ? <span class="quiet">in the configuration</span>
                : (
                  <ActionForm view={view} action="/aliases/remove">
                    <input type="hidden" name="address" value={address} />
                    <button type="submit" class="small danger">Remove</button>
                  </ActionForm>
                )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
