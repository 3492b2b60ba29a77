#!/usr/bin/env bash
# Runs every fuzz target of the module for the given time each; one target of one
# package fuzzes at a time. A package's test program is linked once for all its
# targets. What is found new stays in go's own cache, as with go test -fuzz.
set -eu
time=${1:-5s}
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
cache=$(go env GOCACHE)/fuzz
for dir in $(git ls-files '*_test.go' | xargs grep -l '^func Fuzz' | xargs -n 1 dirname | sort -u); do
	go test -c -fuzz . -o "$bin/fuzz.test" "./$dir"
	for target in $(cat "$dir"/*_test.go | grep -o '^func Fuzz[A-Za-z0-9_]*' | sed 's/^func //'); do
		echo "fuzz $target in $dir for $time"
		(cd "$dir" && "$bin/fuzz.test" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$time" -test.fuzzminimizetime 1x \
			-test.fuzzcachedir "$cache/$(go list .)" -test.timeout 20m)
	done
done
