#!/usr/bin/env bash
# Checks the manifests without a cluster, and the compose file without Docker:
#
#   kubectl kustomize   renders each overlay
#   kubeconform         holds them against the schemas of Kubernetes 1.34, KEDA, Prometheus operator, Strimzi
#   kube-score          lints them; criticals fail
#   compose-go          reads docker-compose.yaml as Docker does
#   planted errors      must fail, or the checks check nothing
#
# What cannot be had is skipped, and said; with DEPLOY_CHECK_STRICT=1 it fails. DEPLOY_CHECK_FETCH_SECONDS:
# how long all fetching and building may take (what was cut off goes on where it was at the next run);
# without it, as long as it does.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/deploy-tools.sh
kubeconform_version=v0.8.0
kube_score_version=v1.20.0
compose_version=v2.16.2
kubernetes_validate_version=1.37.0
trap 'rm -rf "$work"' EXIT
skipped=0

skip() {
  echo "skipped: $1" >&2
  skipped=1
}

# tool NAME MODULE VERSION: installs it unless it is there.
tool() {
  local at="$cache/bin/$1-$3"
  [ -x "$at" ] && return
  command -v go > /dev/null || { skip "$1: go is not on the path"; return 1; }
  echo "building $1 $3 (about a minute, once)"
  if GOBIN="$cache/bin" fetch nice go install "$2@$3" > "$cache/log/$1" 2>&1; then
    mv "$cache/bin/${2##*/}" "$at"
  else
    skip "$1: $(tail -n 1 "$cache/log/$1")"
    return 1
  fi
}

kubernetes_schemas() {
  local out="$cache/kubernetes-$kubernetes_validate_version"
  [ -d "$out" ] && return
  command -v python3 > /dev/null || { skip 'schemas of Kubernetes: python3 is not on the path'; return 1; }
  if ! fetch python3 -m pip download -q --disable-pip-version-check --no-deps -d "$work/wheel" \
    "kubernetes-validate==$kubernetes_validate_version" > "$cache/log/schemas" 2>&1; then
    skip "schemas of Kubernetes: $(tail -n 1 "$cache/log/schemas")"
    return 1
  fi
  python3 -m zipfile -e "$work"/wheel/*.whl "$work/unpacked" || exit 1
  rm -rf "$out.new"
  node scripts/deploy-check.mjs kubernetes \
    "$work"/unpacked/*/kubernetes-json-schema/v1.34.0-local-strict "$out.new" || exit 1
  mv "$out.new" "$out"
}

command -v kubectl > /dev/null || { skip 'everything: kubectl is not on the path'; exit "${DEPLOY_CHECK_STRICT:-0}"; }

render

conform() {
  "$cache/bin/kubeconform-$kubeconform_version" -strict -summary \
    -schema-location "$cache/kubernetes-$kubernetes_validate_version/{{.ResourceKind}}{{.KindSuffix}}.json" \
    -schema-location "$cache/crds-keda-$keda_version/schemas/{{.ResourceKind}}{{.KindSuffix}}.json" \
    -schema-location \
    "$cache/crds-prometheus-operator-$prometheus_operator_version/schemas/{{.ResourceKind}}{{.KindSuffix}}.json" \
    -schema-location "$cache/crds-strimzi-$strimzi_version/schemas/{{.ResourceKind}}{{.KindSuffix}}.json" \
    "$@"
}

score() {
  # What the operators' kinds mean kube-score does not know.
  "$cache/bin/kube-score-$kube_score_version" score --kubernetes-version v1.34 --output-format ci \
    --ignore-test pod-probes-identical "$@"
}

refused() {
  if "$1" "$work/planted/one.yaml" > /dev/null 2>&1; then
    echo "$1 does not find the planted error: $2" >&2
    exit 1
  fi
}

if tool kubeconform github.com/yannh/kubeconform/cmd/kubeconform "$kubeconform_version" \
  && kubernetes_schemas \
  && all_crds; then
  conform "$work"/*.yaml
  plant 'terminationGracePeriodSeconds:' 'terminationGraceSeconds:'
  refused conform 'an unknown field of a pod'
  plant 'maxReplicaCount: 12' 'maxReplicaCount: many'
  refused conform 'a word for a number in a ScaledObject'
  plant 'containerName: isthmus' 'container: isthmus'
  refused conform 'an unknown field of a TriggerAuthentication'
  plant 'scrapeTimeout:' 'scrapeTimeOut:'
  refused conform 'an unknown field of a ServiceMonitor'
  plant 'replicas: 3' 'replicas: three'
  refused conform 'a word for a number in a KafkaTopic'
fi

if tool kube-score github.com/zegl/kube-score/cmd/kube-score "$kube_score_version"; then
  # Not dev: it takes what image the node has.
  for overlay in "$work"/production*.yaml; do
    score "$overlay" > "$work/score" || { grep CRITICAL "$work/score"; exit 1; }
  done
  plant 'readOnlyRootFilesystem: true' 'readOnlyRootFilesystem: false'
  refused score 'a root that can be written'
  echo 'linted: no criticals'
fi

if tool compose github.com/compose-spec/compose-go/v2/cmd "$compose_version"; then
  compose="$cache/bin/compose-$compose_version"
  "$compose" docker-compose.yaml > "$work/compose"
  sed 's/healthcheck:/healthchek:/' docker-compose.yaml > "$work/planted.yaml"
  if "$compose" "$work/planted.yaml" > /dev/null 2>&1; then
    echo 'compose does not find the planted error: an unknown field of a service' >&2
    exit 1
  fi
  echo 'the compose file is read'
fi

if [ "$skipped" = 1 ]; then exit "${DEPLOY_CHECK_STRICT:-0}"; fi
echo 'all checks ran'
