// SPDX-FileCopyrightText: the trustmesh.security contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// A service that takes FSPIOP requests and verifies them with the reference library, or lacks one check of it.
// Its settings come in as one line of JSON on standard input: version, habit, keys by FSP id, log, and perhaps tls with
// the PEM texts cert, key and ca; with ca, clients need a certificate. It answers with its port, and ends with its input.

'use strict';

const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const readline = require('node:readline');

const silence = () => {};
const logger = {
    child: () => logger, debug: silence, info: silence, warn: silence, error: silence, verbose: silence,
    isDebugEnabled: false,
};

const decode = (text) => JSON.parse(Buffer.from(text, 'base64url').toString());

// Each returns when it takes a request for genuine and throws otherwise. `strict` is what the adapters of Mojaloop do;
// every other one lacks something.
const habits = ({ version, keys }) => {
    const { Jws } = require(`sdk-${version}`);
    const validate = (headers, body, validationKeys = keys) =>
        new Jws.validator({ validationKeys, logger }).validate({ headers, body });
    const signature = (headers) => JSON.parse(headers['fspiop-signature']);
    return {
        strict: ({ headers, body }) => validate(headers, body),
        nothing: silence,
        // Verifies what is signed, and lets through what is not.
        if_signed: ({ headers, body }) => headers['fspiop-signature'] && validate(headers, body),
        // Finds the signature good when any participant made it.
        any_key: ({ headers, body }) => {
            const source = headers['fspiop-source'];
            const fits = Object.values(keys).some((key) => {
                try { return validate(headers, body, { [source]: key }); } catch { return false; }
            });
            if (!fits) throw new Error('nobody signed this');
        },
        // Believes the protected header, and does not look at the headers of the request.
        protected_only: ({ headers, body }) => {
            const inside = decode(signature(headers).protectedHeader);
            const named = Object.fromEntries(Object.entries(inside).map(([name, value]) => [name.toLowerCase(), value]));
            validate({ ...headers, ...named }, body);
        },
        // Compares headers with the protected header, and does not look at the signature.
        headers_only: ({ headers }) => {
            const inside = decode(signature(headers).protectedHeader);
            for (const [name, value] of Object.entries(inside)) {
                if (name !== 'alg' && headers[name.toLowerCase()] !== value) throw new Error(`${name} differs`);
            }
        },
        // Refuses whatever comes, for a reason of its own.
        refuse_all: () => { throw new Error('out of order'); },
        // Does what adapters do, and compares path and age as well.
        stricter: ({ headers, body, url }) => {
            validate(headers, body);
            if (headers['fspiop-uri'] !== url) throw new Error('signed for another path');
            if (Math.abs(Date.now() - Date.parse(headers.date)) > 60000) throw new Error('too old');
        },
    };
};

const refusal = (headers, error) => ({
    errorInformation: {
        errorCode: '3105',
        // As talkative as services are: what is said here belongs into no log.
        errorDescription: `Invalid signature: ${error.message} ${JSON.stringify(headers)}`,
    },
});

function serve(settings) {
    const accepts = habits(settings)[settings.habit];
    const handle = (request, response) => {
        const pieces = [];
        request.on('data', (piece) => pieces.push(piece)).on('end', () => {
            const raw = Buffer.concat(pieces).toString();
            const { method, url, headers, rawHeaders } = request;
            fs.appendFileSync(settings.log, `${JSON.stringify({ method, url, rawHeaders, body: raw })}\n`);
            const answer = (status, content) => {
                response.writeHead(status, { 'Content-Type': 'application/json' });
                response.end(content && JSON.stringify(content));
            };
            try {
                accepts({ headers, body: JSON.parse(raw), url });
            } catch (error) {
                return answer(400, refusal(headers, error));
            }
            return answer(202);
        });
    };
    const { tls } = settings;
    const server = tls
        ? https.createServer({ ...tls, requestCert: Boolean(tls.ca), rejectUnauthorized: true }, handle)
        : http.createServer(handle);
    server.listen(0, '127.0.0.1', () => process.stdout.write(`${JSON.stringify({ port: server.address().port })}\n`));
}

readline.createInterface({ input: process.stdin })
    .once('line', (line) => serve(JSON.parse(line)))
    .once('close', () => process.exit(0));
