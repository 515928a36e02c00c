// An OpenID provider that a test controls: each line of JSON on standard input is a command, and
// gets one line as its answer. The process ends when standard input ends.
import { createInterface } from 'node:readline';
import { webcrypto } from 'node:crypto';

globalThis.crypto ??= webcrypto; // Node 18 has it, but not as a global.
const { OAuth2Server } = await import(process.argv[2]);

const server = new OAuth2Server();
const store = server.issuer.keys;
const keyNamed = store.get.bind(store);
const allKeys = store.toJSON.bind(store);
let signing = (await store.generate('RS256')).kid;
let served = signing;
let claims = {};
let status = 200;
let requests = { jwks: 0, discovery: 0 };

store.get = (kid) => keyNamed(kid ?? signing);
store.toJSON = (withPrivate) => {
    requests.jwks += 1;
    return allKeys(withPrivate).filter((key) => key.kid === served);
};
server.service.on('beforeTokenSigning', (token) => {
    for (const [name, value] of Object.entries(claims)) {
        if (value === null) delete token.payload[name];
        else if (typeof value === 'object' && 'after' in value)
            token.payload[name] = Math.floor(Date.now() / 1000) + value.after;
        else token.payload[name] = value;
    }
});
server.service.on('beforeResponse', (response) => {
    if (status !== 200) {
        response.statusCode = status;
        response.body = { error: 'invalid_grant' };
    }
});

await server.start(0, 'localhost');
console.log(`listening on ${server.issuer.url}`);

const commands = {
    claims: (changed) => { claims = changed; },
    status: (code) => { status = code; },
    // Sign with a new key, and publish only that key.
    rotate: async () => { served = signing = (await store.generate('RS256')).kid; },
    // Sign with a key that is not published.
    sign_with_unpublished: async () => { signing = (await store.generate('RS256')).kid; },
    requests: () => requests,
};
for await (const line of createInterface({ input: process.stdin })) {
    const [name, argument] = JSON.parse(line);
    const answer = await commands[name](argument);
    console.log(JSON.stringify({ done: name, answer: answer ?? null }));
}
process.exit(0);
