// SPDX-FileCopyrightText: the trustmesh.security contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// An application in Node that keeps sealed values: the record layout by node:crypto alone, written without a look at
// the collection's own code. Reads one JSON request per line and answers each with one line.
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { createInterface } from "node:readline";

const ALGORITHM = "aes-256-gcm";

function encrypt(key, ivBytes, plaintext, aad) {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv(ALGORITHM, key, iv);
  if (aad) cipher.setAAD(Buffer.from(aad, "utf8"));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return { iv, tag: cipher.getAuthTag(), ciphertext };
}

function decrypt(key, { iv, tag, ciphertext }, aad) {
  const decipher = createDecipheriv(ALGORITHM, key, iv, { authTagLength: 16 });
  if (aad) decipher.setAAD(Buffer.from(aad, "utf8"));
  decipher.setAuthTag(tag);
  return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
}

const actions = {
  seal({ master, value, aad, ivBytes, encoding }) {
    const dek = randomBytes(32);
    const sealed = encrypt(dek, ivBytes, Buffer.from(value, "utf8"), aad);
    const wrapped = encrypt(Buffer.from(master, "hex"), ivBytes, dek);
    return {
      encryptedValue: sealed.ciphertext.toString(encoding),
      encryptedDEK: Buffer.concat([wrapped.iv, wrapped.tag, wrapped.ciphertext]).toString(encoding),
      iv: sealed.iv.toString(encoding),
      authTag: sealed.tag.toString(encoding),
      algorithm: ALGORITHM,
    };
  },
  open({ master, record, aad, ivBytes, encoding }) {
    const packed = Buffer.from(record.encryptedDEK, encoding);
    const wrapped = {
      iv: packed.subarray(0, ivBytes),
      tag: packed.subarray(ivBytes, ivBytes + 16),
      ciphertext: packed.subarray(ivBytes + 16),
    };
    const dek = decrypt(Buffer.from(master, "hex"), wrapped);
    const sealed = {
      iv: Buffer.from(record.iv, encoding),
      tag: Buffer.from(record.authTag, encoding),
      ciphertext: Buffer.from(record.encryptedValue, encoding),
    };
    return decrypt(dek, sealed, aad).toString("utf8");
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = { result: actions[request.action](request) };
  } catch (error) {
    answer = { refused: error.message };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
