// Package kekpb is the wire form of what the keyholder asks of zgoda-kek,
// generated from kek.proto. Its messages carry keys and must not be printed.
package kekpb

//go:generate sh generate.sh
