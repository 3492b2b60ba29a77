//go:build !linux

package main

import (
	"context"
	"errors"

	"zgoda/bench/load"
)

func still(context.Context) (*load.Histogram, error) { return nil, errors.ErrUnsupported }
