// SPDX-FileCopyrightText: the trustmesh.security contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Answers one JSON line with another: {"call": "jws.sign", ...} with {"value": ...} or {"error": "..."}.
// The libraries are found through NODE_PATH; keys come in by the lines, never by the command line.

'use strict';

const path = require('node:path');
const readline = require('node:readline');

// Silent, or what the library logs (tokens and keys among it) would be among the answers.
const silence = () => {};
const logger = {
    child: () => logger, debug: silence, info: silence, warn: silence, error: silence, verbose: silence,
    isDebugEnabled: false,
};

const sdk = (version) => require(`sdk-${version}`);

// What the library itself spells bodies with.
const stringifier = () => {
    const jws = path.dirname(require.resolve('sdk-19.19.1/package.json'));
    return require(require.resolve('safe-stable-stringify', { paths: [jws] }));
};

// Sorted by the UTF-16 code units of names, as ECMAScript compares texts; every scalar is left to JSON.stringify.
function sorted(value) {
    if (Array.isArray(value)) return `[${value.map(sorted).join(',')}]`;
    if (value === null || typeof value !== 'object') return JSON.stringify(value);
    return `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${sorted(value[name])}`).join(',')}}`;
}

const clone = (value) => JSON.parse(JSON.stringify(value));

function timed(count, run) {
    const nanoseconds = [];
    for (let at = 0; at < count; at += 1) {
        const start = process.hrtime.bigint();
        run(at);
        nanoseconds.push(Number(process.hrtime.bigint() - start));
    }
    return nanoseconds;
}

const ilp = ({ version, packets, secret }) => sdk(version).Ilp.ilpFactory(packets, { secret, logger });

const currencies = (version) =>
    require(path.join(path.dirname(require.resolve(`sdk-${version}/package.json`)), 'src/lib/ilp/currency.json'));

// Buffers as base64, instants as text, everything else as it is.
const plain = (packet) => Object.fromEntries(Object.entries(packet).map(([name, value]) =>
    [name, Buffer.isBuffer(value) ? value.toString('base64') : value]));

const calls = {
    'jws.sign': ({ version, key, request }) => {
        new (sdk(version).Jws.signer)({ signingKey: key, logger }).sign(request);
        return request;
    },
    'jws.signature': ({ version, key, request }) =>
        new (sdk(version).Jws.signer)({ signingKey: key, logger }).getSignature(request),
    'jws.validate': ({ version, keys, request }) =>
        new (sdk(version).Jws.validator)({ validationKeys: keys, logger }).validate(request),
    'jws.time': ({ version, key, keys, request, count }) => {
        const signer = new (sdk(version).Jws.signer)({ signingKey: key, logger });
        const validator = new (sdk(version).Jws.validator)({ validationKeys: keys, logger });
        const requests = Array.from({ length: count }, () => clone(request));
        const sign = timed(count, (at) => signer.sign(requests[at]));
        const { headers } = requests[0];
        const { body } = request;
        return { sign, validate: timed(count, () => validator.validate({ headers, body })) };
    },
    'ilp.make': ({ transaction, ...given }) => ilp(given).getResponseIlp(transaction),
    'ilp.quote': ({ request, response, ...given }) => ilp(given).getQuoteResponseIlp(request, response),
    'ilp.conversion': ({ request, response, ...given }) => ilp(given).getFxQuoteResponseIlp(request, response),
    'ilp.decode': ({ packet, ...given }) => plain(ilp(given).decodeIlpPacket(packet)),
    'ilp.transaction': ({ packet, ...given }) => ilp(given).getTransactionObject(packet),
    'ilp.fulfilment': ({ packet, ...given }) => ilp(given).calculateFulfil(packet),
    'ilp.condition': ({ fulfilment, ...given }) => ilp(given).calculateConditionFromFulfil(fulfilment),
    'ilp.fulfils': ({ fulfilment, condition, ...given }) => ilp(given).validateFulfil(fulfilment, condition),
    'ilp.transfer': ({ transfer, ...given }) => ilp(given).validateIlpAgainstTransferRequest(transfer),
    'ilp.currencies': ({ version }) => currencies(version),
    'ilp.time': ({ transactions, ...given }) => {
        const maker = ilp(given);
        return timed(transactions.length, (at) => {
            const { fulfilment, condition } = maker.getResponseIlp(transactions[at]);
            if (!maker.validateFulfil(fulfilment, condition)) throw new Error('its own fulfilment is refused');
        });
    },
    'json.sorted': ({ texts }) => texts.map((text) => sorted(JSON.parse(text))),
    'json.ordered': ({ texts }) => texts.map((text) => JSON.stringify(JSON.parse(text))),
    'json.stable': ({ texts }) => texts.map((text) => stringifier()(JSON.parse(text))),
    'json.canonicalize': ({ texts }) => texts.map((text) => require('canonicalize')(JSON.parse(text))),
};

readline.createInterface({ input: process.stdin }).on('line', (line) => {
    const { call, ...given } = JSON.parse(line);
    let answer;
    try {
        answer = { value: calls[call](given) };
    } catch (error) {
        answer = { error: error.message || String(error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
});
