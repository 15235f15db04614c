#!/usr/bin/env bash
# Checks the manifests without a cluster:
#
#   kubectl kustomize   renders each overlay
#   kubeconform         holds them against the schemas of Kubernetes 1.34, KEDA and the Prometheus operator
#   kube-score          lints them; criticals fail
#   planted errors      must fail, or the checks check nothing
#
# Tools come out of registries into $ISTHMUS_CACHE (~/.cache/isthmus), once. What cannot be had is skipped,
# and said; with DEPLOY_CHECK_STRICT=1 it fails. DEPLOY_CHECK_FETCH_SECONDS: how long all fetching and
# building may take (what was cut off goes on where it was at the next run); without it, as long as it does.
set -euo pipefail
cd "$(dirname "$0")/.."

cache="${ISTHMUS_CACHE:-$HOME/.cache/isthmus}/deploy-check"
kubeconform_version=v0.8.0
kube_score_version=v1.20.0
kubernetes_validate_version=1.37.0
keda_version=v2.21.0
prometheus_operator_version=v0.79.2
# Kinds whose CRDs are in no registry; test/deploy compares them with the code.
without_schema=KafkaTopic
mkdir -p "$cache/bin" "$cache/log"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
skipped=0

skip() {
  echo "skipped: $1" >&2
  skipped=1
}

# fetch COMMAND ...: within what is left of the time for fetching.
fetch() {
  local limit="${DEPLOY_CHECK_FETCH_SECONDS:-3600}" status=0
  [ "$SECONDS" -lt "$limit" ] || { echo "the $limit s for fetching are over"; return 1; }
  timeout "$((limit - SECONDS))" "$@" || status=$?
  if [ "$status" = 124 ]; then echo "not done within the $limit s for fetching"; fi
  return "$status"
}

# tool NAME MODULE VERSION: installs it unless it is there.
tool() {
  local at="$cache/bin/$1-$3"
  [ -x "$at" ] && return
  command -v go > /dev/null || { skip "$1: go is not on the path"; return 1; }
  echo "building $1 $3 (about a minute, once)"
  if GOBIN="$cache/bin" fetch nice go install "$2@$3" > "$cache/log/$1" 2>&1; then
    mv "$cache/bin/$1" "$at"
  else
    skip "$1: $(tail -n 1 "$cache/log/$1")"
    return 1
  fi
}

# crds NAME MODULE@VERSION FILES: schemas out of the CRDs in a Go module.
crds() {
  local out="$cache/crd-$1-${2##*@}" folder
  [ -d "$out" ] && return
  command -v go > /dev/null || { skip "schemas of $1: go is not on the path"; return 1; }
  (cd "$work" && fetch go mod download -json "$2") > "$cache/log/$1" 2>&1 || true
  folder=$(sed -n 's/.*"Dir": "\(.*\)".*/\1/p' "$cache/log/$1")
  [ -n "$folder" ] || { skip "schemas of $1: $2 could not be fetched: $(tail -n 1 "$cache/log/$1")"; return 1; }
  rm -rf "$out.new"
  node scripts/deploy-check.mjs crd "$out.new" "$folder"/$3 || exit 1
  mv "$out.new" "$out"
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

for overlay in deploy/k8s/overlays/*/; do
  kubectl kustomize "$overlay" > "$work/$(basename "$overlay").yaml"
done
echo "rendered: $(cd "$work" && echo ./*.yaml)"

conform() {
  "$cache/bin/kubeconform-$kubeconform_version" -strict -summary -skip "$without_schema" \
    -schema-location "$cache/kubernetes-$kubernetes_validate_version/{{.ResourceKind}}{{.KindSuffix}}.json" \
    -schema-location "$cache/crd-keda.sh-$keda_version/{{.ResourceKind}}{{.KindSuffix}}.json" \
    -schema-location "$cache/crd-prometheus-$prometheus_operator_version/{{.ResourceKind}}{{.KindSuffix}}.json" \
    "$@"
}

score() {
  # What the operators' kinds mean kube-score does not know.
  "$cache/bin/kube-score-$kube_score_version" score --kubernetes-version v1.34 --output-format ci \
    --ignore-test pod-probes-identical "$@"
}

# plant FROM TO: production-full-secured with an error, in $work/planted.
plant() {
  mkdir -p "$work/planted"
  sed "s|$1|$2|" "$work/production-full-secured.yaml" > "$work/planted/one.yaml"
  if cmp -s "$work/production-full-secured.yaml" "$work/planted/one.yaml"; then
    echo "nothing planted: no \"$1\"" >&2
    exit 1
  fi
}

refused() {
  if "$1" "$work/planted/one.yaml" > /dev/null 2>&1; then
    echo "$1 does not find the planted error: $2" >&2
    exit 1
  fi
}

if tool kubeconform github.com/yannh/kubeconform/cmd/kubeconform "$kubeconform_version" \
  && kubernetes_schemas \
  && crds keda.sh "github.com/kedacore/keda/v2@$keda_version" 'config/crd/bases/keda.sh_*.yaml' \
  && crds prometheus "github.com/prometheus-operator/prometheus-operator@$prometheus_operator_version" \
    'example/prometheus-operator-crd/*.yaml'; then
  conform "$work"/*.yaml
  plant 'terminationGracePeriodSeconds:' 'terminationGraceSeconds:'
  refused conform 'an unknown field of a pod'
  plant 'maxReplicaCount: 12' 'maxReplicaCount: many'
  refused conform 'a word for a number in a ScaledObject'
  plant 'containerName: isthmus' 'container: isthmus'
  refused conform 'an unknown field of a TriggerAuthentication'
  plant 'scrapeTimeout:' 'scrapeTimeOut:'
  refused conform 'an unknown field of a ServiceMonitor'
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

if [ "$skipped" = 1 ]; then exit "${DEPLOY_CHECK_STRICT:-0}"; fi
echo 'all checks ran'
