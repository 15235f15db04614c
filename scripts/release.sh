#!/usr/bin/env bash
# Makes a release in ./release and tries it as a user would:
#
#   isthmus-VERSION.tgz   built from a clean dist, installed into an empty folder and run
#   sbom.json             what it is installed with (CycloneDX)
#   licences.txt          the same by licence; fails where one does not go with ours
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(node -p 'require("./package.json").version')
grep -q "^## $version" CHANGELOG.md || { echo "CHANGELOG.md has no section $version" >&2; exit 1; }
rm -rf dist release
mkdir release
npm run -s build
npm pack --silent --pack-destination release
npm run -s sbom > release/sbom.json
npm run -s licences > release/licences.txt

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
tarball="$PWD/release/isthmus-$version.tgz"
cd "$folder"
npm init -y > /dev/null
# Without the optional back end and codecs: half a gigabyte, and it has to do without them.
npm install --silent --omit=optional --ignore-scripts "$tarball"
npx isthmus --help > help
grep -q 'isthmus demo' help
test "$(npx isthmus --version)" = "$version"
npx isthmus demo --transport memory --limit 2000
echo "release/isthmus-$version.tgz works in an empty folder"
