/**
 * Answers that come late. A request that waits in the chain of handlers holds all of it: the frame of each, contexts, the
 * request itself, some 20 KiB. So the chain ends at once, when the guards have let it through, and the answer comes behind it.
 */

import type { Context } from "hono";
import type { Journal } from "../observe/journal.ts";
import { secure } from "./guard.ts";
import type { AdminBindings, AdminEnv } from "./options.ts";
import { problemOf, problemResponse } from "./problem.ts";

/** What a handler returns for an answer that comes late; `answer` should hold nothing of `c`. */
export function answerLate(c: Context<AdminEnv>, answer: Promise<Response>, journal: Journal): Response {
  const at = { journal, path: c.req.path };
  const told = answer.catch((error) => problemResponse(problemOf(error, at), at.path));
  c.env.later!(told);
  return new Response();
}

/** Answers a request by `chain`, or by what a handler in it has put off, with the security headers of every answer. */
export function withLateAnswers(
  chain: (request: Request, bindings: AdminBindings) => Response | Promise<Response>,
): (request: Request, bindings?: AdminBindings) => Response | Promise<Response> {
  return (request, bindings = {}) => {
    let late: Promise<Response> | undefined;
    const isHead = request.method === "HEAD";
    const first = chain(request, {
      ...bindings,
      later: (answer) => late = answer.then((response) => whole(response, isHead)),
    });
    return first instanceof Promise ? first.then((begun) => late ?? begun) : late ?? first;
  };
}

function whole(answer: Response, isHead: boolean): Response {
  const response = isHead ? new Response(null, answer) : answer;
  secure(response.headers);
  return response;
}
