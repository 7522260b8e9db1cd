/**
 * What the plugins ask of Cypress, where its binary can't be had: commands that follow one another, requests, and some
 * assertions. Commands within a command, or within a function that is given to `then`, have an order of their own.
 */

import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { describe, it } from "node:test";

const ENV = JSON.parse(process.env.CYPRESS_VALUES);
const CONFIG = { defaultCommandTimeout: 4000, responseTimeout: 30_000 };
const scopes = new AsyncLocalStorage();

const ASSERTIONS = {
  "eq": (value, wanted) => assert.equal(value, wanted),
  "deep.equal": (value, wanted) => assert.deepEqual(value, wanted),
  "contain": (value, wanted) => assert.ok(value.includes(wanted), `${JSON.stringify(value)}: no ${wanted}`),
  "have.length": (value, wanted) => assert.equal(value.length, wanted),
  "not.have.length": (value, wanted) => assert.notEqual(value.length, wanted),
  "to.have.length.greaterThan": (value, wanted) => assert.ok(value.length > wanted, `${value.length}`),
};

class Chain {
  constructor(promise) {
    this.promise = promise;
    promise.catch(() => {}); // the next one in its scope, or the end of that, hears of it
    scopes.getStore().last = promise;
  }

  then(done, failed) {
    return new Chain(this.promise.then((value) => done ? inScope(() => done(value)) : value, failed));
  }

  its(path) {
    return this.then((value) => path.split(".").reduce((at, name) => at[name], value));
  }

  should(what, wanted) {
    return this.then((value) => {
      ASSERTIONS[what](value, wanted);
      return value;
    });
  }
}

function inScope(run) {
  return scopes.run({ last: Promise.resolve() }, async () => {
    const value = await run();
    await scopes.getStore().last;
    return value;
  });
}

function queued(run) {
  return new Chain(scopes.getStore().last.then(() => inScope(run)));
}

async function request({ method = "GET", url, qs, body, auth, failOnStatusCode = true }) {
  const address = new URL(url);
  for (const [name, value] of Object.entries(qs ?? {})) address.searchParams.set(name, value);
  const headers = { accept: "*/*" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (auth) headers.authorization = `Basic ${btoa(`${auth.user}:${auth.pass}`)}`;
  const answer = await fetch(address, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  const isJson = /^application\/json/.test(answer.headers.get("content-type") ?? "");
  if (failOnStatusCode && !answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${text}`);
  return { status: answer.status, body: isJson && text !== "" ? JSON.parse(text) : text };
}

globalThis.cy = {
  request: (options) => queued(() => request(options)),
  wrap: (value) => queued(() => value),
  wait: (ms) => queued(() => new Promise((resolve) => setTimeout(resolve, ms))),
  env: (names) => queued(() => Object.fromEntries(names.map((name) => [name, ENV[name]]))),
  verifyUpcomingAssertions: (value) => queued(() => value),
};
globalThis.Cypress = {
  env: (name) => ENV[name],
  expose: (name) => ENV[name],
  config: (name) => CONFIG[name],
  Commands: {
    add(name, ...rest) {
      const run = rest.at(-1);
      const isChild = rest.length > 1 && rest[0].prevSubject === true;
      if (!isChild) globalThis.cy[name] = (...args) => queued(() => run(...args));
      Chain.prototype[name] = function (...args) {
        return this.then((subject) => isChild ? run(subject, ...args) : run(...args));
      };
    },
  },
};
globalThis.describe = describe;
globalThis.it = (name, test) => it(name, () => inScope(test));
