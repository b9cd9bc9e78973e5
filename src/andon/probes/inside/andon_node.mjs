// A reporter of node's own test runner that writes one numbered JSON line an event; it changes no outcome.
//
// Runs in the process that runs the test files as its children, so what a file does to its own process is not done to
// this one. Loaded with --test-reporter; where it writes is said with --test-reporter-destination.

const KEPT = 4000;
let number = 0;

const line = (type, values = {}) => JSON.stringify({ n: number++, type, ...values }) + "\n";

function told(error) {
  const cause = error?.cause ?? error;
  const stack = typeof cause?.stack === "string" ? cause.stack : "";
  const words = cause instanceof Error || typeof cause?.message === "string" ? `${cause.name ?? "Error"}: ${cause.message}` : String(cause ?? "");
  return { failure: String(error?.failureType ?? ""), message: words.replace(/\s+/g, " ").slice(0, KEPT), stack: stack.slice(0, KEPT) };
}

export default async function* report(source) {
  yield line("start", { node: process.version });
  const open = new Map();
  for await (const { type, data } of source) {
    if (!data || typeof data.name !== "string") continue;
    const file = data.file ?? "";
    const names = open.get(file) ?? [];
    open.set(file, names);
    if (type === "test:start") {
      names.length = data.nesting;
      names[data.nesting] = data.name;
    } else if (type === "test:pass" || type === "test:fail") {
      const path = [...names.slice(0, data.nesting), data.name].map(String);
      yield line("test", {
        file, path, at: [data.line ?? 0, data.column ?? 0],
        passed: type === "test:pass",
        skip: data.skip !== undefined && data.skip !== false,
        todo: data.todo !== undefined && data.todo !== false,
        suite: data.details?.type === "suite",
        seconds: (data.details?.duration_ms ?? 0) / 1000,
        ...(type === "test:fail" ? told(data.details?.error) : {}),
      });
    }
  }
  yield line("end");
}
