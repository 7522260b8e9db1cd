/**
 * A local stand-in for `jsr:@std/assert`, used only in this checkout (a member of `workspace` in `deno.json`), so that it
 * builds where JSR can't be reached. The code is the real one, from `npm:deno-std`; this file adds the types.
 */
// deno-lint-ignore-file no-explicit-any
import * as real from "npm:deno-std@1.4.0/assert/mod.js";

const std = real as unknown as Record<string, any>;

type Class<T> = abstract new (...args: any[]) => T;

/** Thrown when an assertion does not hold. */
export const AssertionError: new (message: string, options?: ErrorOptions) => Error = std.AssertionError;

/** Fails unless `expr` is truthy. */
export function assert(expr: unknown, msg?: string): asserts expr {
  std.assert(expr, msg);
}
/** Fails unless the two are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  std.assertEquals(actual, expected, msg);
}
/** Fails when the two are deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  std.assertNotEquals(actual, expected, msg);
}
/** Fails unless the two are the same value (`Object.is`). */
export function assertStrictEquals<T>(actual: unknown, expected: T, msg?: string): asserts actual is T {
  std.assertStrictEquals(actual, expected, msg);
}
/** Fails when `actual` is null or undefined. */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  std.assertExists(actual, msg);
}
/** Fails unless `actual` is an instance of the class. */
export function assertInstanceOf<T>(
  actual: unknown,
  expectedType: Class<T>,
  msg?: string,
): asserts actual is T {
  std.assertInstanceOf(actual, expectedType, msg);
}
/** Fails unless the text matches. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  std.assertMatch(actual, expected, msg);
}
/** Fails when the text matches. */
export function assertNotMatch(actual: string, expected: RegExp, msg?: string): void {
  std.assertNotMatch(actual, expected, msg);
}
/** Fails unless the text holds the other. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  std.assertStringIncludes(actual, expected, msg);
}
/** Fails unless all of `expected` are in `actual`. */
export function assertArrayIncludes<T>(actual: ArrayLike<T>, expected: ArrayLike<T>, msg?: string): void {
  std.assertArrayIncludes(actual, expected, msg);
}
/** Fails unless `expected` is a deep subset of `actual`. */
export function assertObjectMatch(
  actual: Record<PropertyKey, any>,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
): void {
  std.assertObjectMatch(actual, expected, msg);
}
/** Fails unless `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  std.assertGreater(actual, expected, msg);
}
/** Fails unless `actual >= expected`. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void {
  std.assertGreaterOrEqual(actual, expected, msg);
}
/** Fails unless `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  std.assertLess(actual, expected, msg);
}
/** Fails unless `actual <= expected`. */
export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  std.assertLessOrEqual(actual, expected, msg);
}
/** Fails unless `fn` throws; returns what it threw. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClass?: Class<E>,
  msgIncludes?: string,
  msg?: string,
): E {
  return errorClass ? std.assertThrows(fn, errorClass, msgIncludes, msg) : std.assertThrows(fn, msg);
}
/** Fails unless the promise of `fn` is rejected; returns the reason. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass?: Class<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E> {
  return errorClass ? std.assertRejects(fn, errorClass, msgIncludes, msg) : std.assertRejects(fn, msg);
}
/** Fails always. */
export function fail(msg?: string): never {
  return std.fail(msg) as never;
}
/** Marks a place that is never reached. */
export function unreachable(msg?: string): never {
  return std.unreachable(msg) as never;
}
