#!/bin/sh
# Generates the Go code of the .proto files with the plugins pinned in tools/go.mod.
# Needs protoc (Debian: protobuf-compiler).
set -eu
command -v protoc >/dev/null || { echo "generate: protoc is missing (apt-get install protobuf-compiler)" >&2; exit 1; }
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
for plugin in google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc; do
	(cd ../../tools && go build -o "$bin/" "$plugin")
done
PATH="$bin:$PATH" protoc \
	--go_out=. --go_opt=paths=source_relative \
	--go-grpc_out=. --go-grpc_opt=paths=source_relative \
	keyholder.proto day.proto cases.proto
