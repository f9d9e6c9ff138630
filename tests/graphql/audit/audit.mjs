// The audits of graphql-http against the server at argv[2], with the bearer token in AUDIT_TOKEN.
// Prints one JSON array: {id, name, status, reason}.
import { serverAudits } from "graphql-http";

const url = process.argv[2];
const fetchFn = (input, init = {}) =>
  fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${process.env.AUDIT_TOKEN}` } });

const results = [];
for (const audit of serverAudits({ url, fetchFn })) {
  const result = await audit.fn();
  results.push({ id: audit.id, name: audit.name, status: result.status, reason: result.reason ?? null });
}
console.log(JSON.stringify(results));
