//go:build !linux

package spool

import "testing"

// mountSmall mounts nothing here.
func mountSmall(*testing.T) (dir string, ok bool) { return "", false }
