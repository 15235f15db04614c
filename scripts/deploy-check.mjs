#!/usr/bin/env node
/**
 * JSON schemas for kubeconform (see deploy-check.sh):
 *
 *     deploy-check.mjs kubernetes FOLDER OUT   those of Kubernetes, made to refer to each other by file
 *     deploy-check.mjs crd OUT CRD.yaml ...    a closed schema for each version of each CRD
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

function write(folder, name, schema) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), JSON.stringify(schema));
}

/** Without `$id`, and with references to the definitions beside the file, wherever that lies. */
function relative(text) {
  return JSON.parse(text, (key, value) => {
    if (key === '$id') return undefined;
    if (typeof value !== 'string') return value;
    return value.replace(/^.*_definitions\.json/, '_definitions.json');
  });
}

/** The schema, refusing properties that it does not name. */
function closed(schema) {
  return JSON.parse(JSON.stringify(schema), (_, node) => {
    if (typeof node !== 'object' || node === null || Array.isArray(node)) return node;
    if (node['x-kubernetes-int-or-string'] === true) {
      return { oneOf: [{ type: 'string' }, { type: 'integer' }] };
    }
    const open =
      node.type !== 'object' ||
      node.properties === undefined ||
      node.additionalProperties !== undefined ||
      node['x-kubernetes-preserve-unknown-fields'] === true;
    return open ? node : { ...node, additionalProperties: false };
  });
}

const [, , what, ...rest] = process.argv;
if (what === 'kubernetes') {
  const [folder, out] = rest;
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  for (const name of names) write(out, name, relative(readFileSync(join(folder, name), 'utf8')));
} else {
  const [out, ...files] = rest;
  for (const file of files) {
    const { group, names, versions } = parse(readFileSync(file, 'utf8')).spec;
    for (const { name, schema } of versions) {
      const whole = schema.openAPIV3Schema;
      // Metadata are the API's own, and checked by its rules.
      const { metadata: _, ...properties } = whole.properties;
      const stem = `${names.kind.toLowerCase()}-${group.split('.')[0]}-${name}`;
      const shown = closed({ ...whole, properties });
      shown.properties.metadata = { type: 'object' };
      write(out, `${stem}.json`, shown);
    }
  }
}
