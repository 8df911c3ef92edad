// SPDX-FileCopyrightText: the trustmesh.security contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Signed messages written anew for Node, from the description of the layout alone. Reads one JSON object per line and
// answers each with one line: {do: "verify", message} with a boolean, {do: "sign", body, seed, created, ends, nonce}
// with a message.
import crypto from "node:crypto";
import readline from "node:readline";

const sorted = (value) => {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  const copy = Object.create(null);
  for (const name of Object.keys(value).sort()) copy[name] = sorted(value[name]);
  return copy;
};

// Members whose names look like indices would come first in an object, so the text is put together by hand.
const canonical = (value) => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
};

const input = ({ signature, ...members }) =>
  Buffer.from("trustmesh signed message, layout 1\n" + canonical(sorted(members)), "utf8");

const publicKey = (x) => crypto.createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });

const privateKey = (seed) =>
  crypto.createPrivateKey({
    key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.from(seed, "hex")]),
    format: "der",
    type: "pkcs8",
  });

const verify = ({ message }) =>
  crypto.verify(null, input(message), publicKey(message.public_key), Buffer.from(message.signature, "base64url"));

const sign = ({ body, seed, created, ends, nonce }) => {
  const key = privateKey(seed);
  const { x } = crypto.createPublicKey(key).export({ format: "jwk" });
  const message = { nonce, public_key: x, expires_at: ends, created_at: created, body };
  return { ...message, signature: crypto.sign(null, input(message), key).toString("base64url") };
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  process.stdout.write(JSON.stringify({ verify, sign }[request.do](request)) + "\n");
}
