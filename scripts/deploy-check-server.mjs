#!/usr/bin/env node
/**
 * What deploy-check-server.sh asks for:
 *
 *     deploy-check-server.mjs ports N          N free ports of 127.0.0.1, on one line
 *     deploy-check-server.mjs identity FOLDER  a token for an administrator; FOLDER gets tokens.csv, which knows
 *                                              it, and account.key, the key of service accounts' tokens
 *     deploy-check-server.mjs version          the server's version, out of `kubectl version -o json`
 *     deploy-check-server.mjs established      ends with 0 if all CRDs of the list on stdin are established
 *     deploy-check-server.mjs pod FILE         a pod of the template of the Deployment in FILE, as JSON
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => server.address().port);
  for (const server of servers) server.close();
  return ports.join(' ');
}

function identity(folder) {
  const token = randomBytes(24).toString('hex');
  writeFileSync(join(folder, 'tokens.csv'), `${token},admin,1,"system:masters"\n`, { mode: 0o600 });
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs1', format: 'pem' });
  writeFileSync(join(folder, 'account.key'), pem, { mode: 0o600 });
  return token;
}

function podOf(file) {
  const documents = parseAllDocuments(readFileSync(file, 'utf8')).map((one) => one.toJS());
  const { metadata, spec } = documents.find(({ kind }) => kind === 'Deployment').spec.template;
  const name = 'deploy-check';
  return JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name }, spec });
}

function established() {
  const { items } = JSON.parse(readFileSync(0, 'utf8'));
  const isEstablished = ({ status }) =>
    status?.conditions?.some((one) => one.type === 'Established' && one.status === 'True') === true;
  if (!items.every(isEstablished)) process.exitCode = 1;
}

const [, , what, argument] = process.argv;
const answers = {
  ports: () => freePorts(Number(argument)),
  identity: () => identity(argument),
  version: () => JSON.parse(readFileSync(0, 'utf8')).serverVersion.gitVersion,
  pod: () => podOf(argument),
  established,
};
const answer = await answers[what]();
if (answer !== undefined) console.log(answer);
