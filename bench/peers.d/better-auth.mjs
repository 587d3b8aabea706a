// An API with better-auth's API keys, in SQLite. It creates COUNT keys, each with LIMIT requests a
// minute, and writes them to KEYS, one a line. POST /revoke disables the key that it is asked with.
import { apiKey } from "@better-auth/api-key";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import Database from "better-sqlite3";
import express from "express";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";

const { COUNT, DATABASE, KEYS, LIMIT, PORT } = process.env;

const database = new Database(DATABASE);
database.pragma("journal_mode = WAL"); // which better-sqlite3 recommends for speed

const auth = betterAuth({
  database,
  secret: randomBytes(32).toString("hex"),
  baseURL: `http://127.0.0.1:${PORT}`,
  emailAndPassword: { enabled: true },
  logger: { disabled: true }, // otherwise each refusal is logged, which the other peers do not do
  plugins: [
    apiKey({ rateLimit: { enabled: true, timeWindow: 60_000, maxRequests: Number(LIMIT) } }),
  ],
});
await (await getMigrations(auth.options)).runMigrations();

const { user } = await auth.api.signUpEmail({
  body: { name: "bench", email: "bench@example.com", password: randomBytes(16).toString("hex") },
});
const ids = new Map();
for (let i = 0; i < Number(COUNT); ++i) {
  const { id, key } = await auth.api.createApiKey({ body: { userId: user.id } });
  ids.set(key, id);
}
writeFileSync(KEYS, [...ids.keys()].join("\n"));

const app = express();
app.post("/revoke", async (req, res) => {
  const keyId = ids.get(req.get("x-api-key"));
  await auth.api.updateApiKey({ body: { keyId, userId: user.id, enabled: false } });
  res.sendStatus(204);
});
app.use(async (req, res, next) => {
  const { valid, error } = await auth.api.verifyApiKey({
    body: { key: req.get("x-api-key") ?? "" },
  });
  if (valid) return next();
  res.sendStatus(error.code === "RATE_LIMITED" ? 429 : 401);
});
app.get("/{*path}", (_req, res) => res.send());
app.listen(Number(PORT), "127.0.0.1");
