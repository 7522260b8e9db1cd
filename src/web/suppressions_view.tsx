/** @jsxImportSource hono/jsx */
/** The view of the suppression list: addresses that nothing is sent to; put there and taken off by forms. */

import { type Context, Hono } from "hono";
import { parseMailbox } from "../mail/address.ts";
import type { Suppression, Suppressions } from "../queue/suppressions.ts";
import { Problem, quoted } from "../http/problem.ts";
import type { PageContext, PageEnv, View } from "./context.ts";
import { count, number } from "./format.ts";
import { readOwnForm } from "./forms.ts";
import { Head } from "./layout.tsx";
import { ActionForm, Card, Complaint, Empty, Field, Time } from "./parts.tsx";
import { goBack, show } from "./render.tsx";

const PATH = "/suppressions";
/** So many are shown; the API has all of them. */
const MOST = 500;
const MAX_REASON = 1000;

/** The page, and its forms' targets. */
export function suppressionPages(page: PageContext): Hono<PageEnv> {
  const { suppressions } = page.options;
  if (!suppressions) return new Hono<PageEnv>();
  return new Hono<PageEnv>()
    .get(PATH, async (c) => await list(c, page, suppressions))
    .post(PATH, async (c) => {
      const form = await readOwnForm(c);
      const given = form.text("address");
      const address = parseMailbox(given);
      if (address === undefined) {
        return await list(c, page, suppressions, `“${quoted(given)}” is no address such as jo@example.org`);
      }
      const reason = form.text("reason").slice(0, MAX_REASON);
      await suppressions.put({ address, ...(reason === "" ? {} : { reason }) });
      const undo = {
        label: "Undo: send to it",
        action: `${PATH}/remove`,
        fields: [["address", address] as [string, string]],
      };
      const flashMessage = { kind: "done", text: `Nothing is sent to ${address}`, undo } as const;
      return goBack(c, page, { back: PATH, otherwise: PATH, flashMessage });
    })
    .post(`${PATH}/remove`, async (c) => {
      const form = await readOwnForm(c);
      const address = parseMailbox(form.text("address"));
      if (address === undefined) throw new Problem(400, "The form does not say which address");
      const flashMessage = await suppressions.remove(address)
        ? { kind: "done", text: `Mail is sent to ${address} again` } as const
        : { kind: "error", text: `${address} is not on the list` } as const;
      return goBack(c, page, { back: PATH, otherwise: PATH, flashMessage });
    });
}

async function list(
  c: Context<PageEnv>,
  page: PageContext,
  suppressions: Suppressions,
  complaint?: string,
): Promise<Response> {
  const all = await suppressions.list();
  return await show(c, page, {
    title: "Suppressed addresses",
    at: "queue",
    status: complaint === undefined ? 200 : 422,
    body: (view) => <SuppressionsView view={view} all={all} complaint={complaint} />,
  });
}

function SuppressionsView(p: { view: View; all: readonly Suppression[]; complaint: string | undefined }) {
  const { view, all, complaint } = p;
  return (
    <>
      <p class="crumbs">
        <a href="/queue">Queue</a> / <a href="/domains">destinations</a> / suppressed addresses
      </p>
      <Head
        title="Suppressed addresses"
        lead="Nothing is sent to them: their messages came back again and again, or somebody put them here."
      />
      <Card title={count(all.length, "address", "addresses")} id="suppressions" live>
        {all.length === 0
          ? (
            <Empty title="Mail is sent to everybody">
              An address that three messages came back from within thirty days shows up here.
            </Empty>
          )
          : <SuppressionTable view={view} all={all.slice(0, MOST)} />}
        {all.length > MOST ? <p class="pad quiet">The first {MOST} of {number(all.length)}</p> : null}
      </Card>
      <Card title="Suppress an address" id="suppression-form">
        <ActionForm view={view} action={PATH} class="pad">
          <Complaint text={complaint} />
          <div class="fields">
            <Field id="suppression-address" name="address" label="Address" type="email" required value="" />
            <Field
              id="suppression-reason"
              name="reason"
              label="Reason"
              value=""
              hint="Whoever writes to it reads this."
            />
          </div>
          <div class="buttons">
            <button type="submit" class="primary">Suppress</button>
          </div>
        </ActionForm>
      </Card>
    </>
  );
}

function SuppressionTable({ view, all }: { view: View; all: readonly Suppression[] }) {
  return (
    <table class="stack">
      <thead>
        <tr>
          <th>Address</th>
          <th>Since</th>
          <th>Until</th>
          <th>
            <span class="unseen">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {all.map(({ address, since, until, reason }) => (
          <tr key={address} data-row={address}>
            <td>
              <bdi>{address}</bdi>
              {reason === undefined ? null : <p class="why" title={reason}>{reason}</p>}
            </td>
            <td data-label="Since">
              <Time at={since} now={view.now} />
            </td>
            <td data-label="Until">
              {until === undefined
                ? <span class="quiet">somebody takes it off</span>
                : <Time at={until} now={view.now} />}
            </td>
            <td class="number">
              <ActionForm view={view} action={`${PATH}/remove`}>
                <input type="hidden" name="address" value={address} />
                <button type="submit" class="small">Send again</button>
              </ActionForm>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
