# What deploy-check.sh and deploy-check-server.sh have in common: read by them, not run. What they need
# comes out of registries into $ISTHMUS_CACHE (~/.cache/isthmus), once. `skip WHY` is theirs.

cache="${ISTHMUS_CACHE:-$HOME/.cache/isthmus}/deploy-check"
keda_version=v2.21.0
prometheus_operator_version=v0.79.2
strimzi_version=0.45.0
mkdir -p "$cache/bin" "$cache/log"
work=$(mktemp -d)

# fetch COMMAND ...: within what is left of DEPLOY_CHECK_FETCH_SECONDS.
fetch() {
  local limit="${DEPLOY_CHECK_FETCH_SECONDS:-3600}" status=0
  [ "$SECONDS" -lt "$limit" ] || { echo "the $limit s for fetching are over"; return 1; }
  timeout "$((limit - SECONDS))" "$@" || status=$?
  if [ "$status" = 124 ]; then echo "not done within the $limit s for fetching"; fi
  return "$status"
}

# crds NAME SOURCE: the folder of an operator's CRDs, with schemas for kubeconform in a folder below.
crds() {
  local out="$cache/crds-$1"
  [ -d "$out" ] && return
  rm -rf "$out.new"
  mkdir "$out.new"
  "$2" "$out.new" || return 1
  node scripts/deploy-check.mjs crd "$out.new/schemas" "$out.new"/*.yaml || exit 1
  mv "$out.new" "$out"
}

# of_module FOLDER MODULE@VERSION FILES: copies CRDs out of a Go module.
of_module() {
  local folder log="$cache/log/crds"
  command -v go > /dev/null || { skip "CRDs of $2: go is not on the path"; return 1; }
  (cd "$work" && fetch go mod download -json "$2") > "$log" 2>&1 || true
  folder=$(sed -n 's/.*"Dir": "\(.*\)".*/\1/p' "$log")
  [ -n "$folder" ] || { skip "CRDs of $2: it could not be fetched: $(tail -n 1 "$log")"; return 1; }
  install -m 644 "$folder"/$3 "$1"
}

of_keda() {
  of_module "$1" "github.com/kedacore/keda/v2@$keda_version" 'config/crd/bases/keda.sh_*.yaml'
}

of_prometheus_operator() {
  of_module "$1" "github.com/prometheus-operator/prometheus-operator@$prometheus_operator_version" \
    'example/prometheus-operator-crd/*.yaml'
}

# Strimzi publishes no CRDs, but the generator that makes them and the classes that it reads.
of_strimzi() {
  local jars="$cache/strimzi-$strimzi_version" part log="$cache/log/strimzi"
  for part in java mvn; do
    command -v "$part" > /dev/null || { skip "CRD of KafkaTopic: $part is not on the path"; return 1; }
  done
  for part in api crd-generator; do
    [ -f "$jars/$part-$strimzi_version.jar" ] && continue
    if ! fetch mvn -q -B dependency:copy -Dartifact="io.strimzi:$part:$strimzi_version" \
      -DoutputDirectory="$jars" > "$log" 2>&1; then
      skip "CRD of KafkaTopic: $(grep -m 1 ERROR "$log" || tail -n 1 "$log")"
      return 1
    fi
  done
  if ! java -cp "$jars/api-$strimzi_version.jar:$jars/crd-generator-$strimzi_version.jar" \
    io.strimzi.crdgenerator.CrdGenerator --yaml \
    "io.strimzi.api.kafka.model.topic.KafkaTopic=$1/kafkatopic.yaml" > "$log" 2>&1; then
    skip "CRD of KafkaTopic: $(tail -n 1 "$log")"
    return 1
  fi
}

all_crds() {
  crds "keda-$keda_version" of_keda \
    && crds "prometheus-operator-$prometheus_operator_version" of_prometheus_operator \
    && crds "strimzi-$strimzi_version" of_strimzi
}

# render: each overlay as $work/NAME.yaml.
render() {
  local overlay
  for overlay in deploy/k8s/overlays/*/; do
    kubectl kustomize "$overlay" > "$work/$(basename "$overlay").yaml"
  done
  echo "rendered: $(cd "$work" && echo ./*.yaml)"
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
