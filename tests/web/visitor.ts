/** Somebody who is logged in on the page. */

import { assertEquals } from "@std/assert";
import { type Surface, TOKEN } from "../api/harness.ts";

/** The page in a browser without scripts. */
export class Visitor {
  readonly #cookie: string;

  private constructor(readonly surface: Surface, cookie: string) {
    this.#cookie = cookie;
  }

  /** Whoever has that token. */
  static async of(surface: Surface, token = TOKEN): Promise<Visitor> {
    const response = await surface.fetch("/api/v1/session", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token }),
    });
    return new Visitor(surface, response.headers.get("set-cookie")!.split(";")[0]!);
  }

  /** A page. */
  async get(path: string): Promise<string> {
    const response = await this.surface.fetch(path, {
      headers: { cookie: this.#cookie, accept: "text/html" },
    });
    const text = await response.text();
    assertEquals(response.status, 200, text);
    return text;
  }

  /** Sends a form; answers the page that follows. */
  async post(path: string, fields: [string, string][], status?: number): Promise<string> {
    const [, csrf] = /name="csrf" value="([^"]+)"/.exec(await this.get("/queue"))!;
    const response = await this.surface.fetch(path, {
      method: "POST",
      headers: {
        cookie: this.#cookie,
        "content-type": "application/x-www-form-urlencoded",
        origin: "http://localhost",
        accept: "text/html",
      },
      body: `${new URLSearchParams([["csrf", csrf!], ...fields])}`,
    });
    const text = await response.text();
    if (status !== undefined) assertEquals(response.status, status, text);
    const to = response.headers.get("location");
    return to ? await this.get(to) : text;
  }
}
