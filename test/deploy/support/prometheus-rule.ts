/** The rule files as one object of the Prometheus operator. */
export function prometheusRule(files: readonly string[]): string {
  const groups = files.map((yaml) => yaml.slice(yaml.indexOf('groups:\n') + 'groups:\n'.length));
  const indented = groups
    .join('\n')
    .split('\n')
    .map((line) => (line === '' ? '' : `  ${line}`))
    .join('\n');
  return `# Made of deploy/prometheus/rules by \`npm run dashboards\`; change it there.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: isthmus
spec:
  groups:
${indented.trimEnd()}
`;
}
