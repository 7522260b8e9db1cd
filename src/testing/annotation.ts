/** The annotations of a failed test where GitHub runs it: they stand beside the change that broke it. */

/** Says what failed, to GitHub Actions alone. */
export function annotate(title: string, message: string): void {
  const { state } = Deno.permissions.querySync({ name: "env", variable: "GITHUB_ACTIONS" });
  if (state !== "granted" || !Deno.env.get("GITHUB_ACTIONS")) return;
  const text = message.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  // a line of its own, whatever the test printed before it
  console.log(`\n::error title=${title}::${text}`);
}
