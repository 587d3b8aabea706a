// An API with the keys of the file KEYS in a Map and the middleware of rate-limiter-flexible, which
// allows each key LIMIT requests a minute. The counts are in memory, or in the Redis at the socket
// REDIS.
import express from "express";
import { Redis } from "ioredis";
import { readFileSync } from "node:fs";
import { RateLimiterMemory, RateLimiterRedis } from "rate-limiter-flexible";

const { KEYS, LIMIT, PORT, REDIS } = process.env;

const clients = new Map();
for (const key of readFileSync(KEYS, "utf8").trim().split("\n")) {
  clients.set(key, `client ${clients.size}`);
}

const options = { points: Number(LIMIT), duration: 60 };
const rateLimiter = REDIS
  ? new RateLimiterRedis({ ...options, storeClient: new Redis(REDIS) })
  : new RateLimiterMemory(options);

const app = express();
app.use((req, res, next) => {
  const client = clients.get(req.get("x-api-key"));
  if (client === undefined) return res.sendStatus(401);
  rateLimiter
    .consume(client)
    .then(() => next())
    .catch((refusal) => {
      if (refusal instanceof Error) return next(refusal);
      res.status(429).send("Too Many Requests");
    });
});
app.get("/{*path}", (_req, res) => res.send());
app.listen(Number(PORT), "127.0.0.1");
