package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// call is one place of the code that calls a function.
type call struct {
	caller string
	offset int64 // lines after the caller's first one; may be below 0 for code that was moved by the compiler
	callee string
}

// weights are samples by call.
type weights map[call]int64

// kept is the share of the samples whose calls are kept. The compiler calls hot
// those that make the first 99 %.
const kept = 0.995

// heaviest returns the calls that make most of the samples.
func heaviest(all weights) weights {
	var total, sum int64
	for _, n := range all {
		total += n
	}
	most := make(weights)
	for _, c := range all.ordered() {
		if float64(sum) >= kept*float64(total) {
			break
		}
		most[c] = all[c]
		sum += all[c]
	}
	return most
}

// ordered returns the calls by falling weight, then by name.
func (w weights) ordered() []call {
	return slices.SortedFunc(maps.Keys(w), func(a, b call) int {
		return cmp.Or(cmp.Compare(w[b], w[a]), cmp.Compare(a.caller, b.caller), cmp.Compare(a.offset, b.offset), cmp.Compare(a.callee, b.callee))
	})
}

func writeText(out io.Writer, calls weights) error {
	w := bufio.NewWriter(out)
	for _, c := range calls.ordered() {
		_, _ = fmt.Fprintf(w, "%d\t%s\t%d\t%s\n", calls[c], c.caller, c.offset, c.callee) // Flush tells
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write the calls: %w", err)
	}
	return nil
}

func readText(in io.Reader) (weights, error) {
	calls := make(weights)
	lines := bufio.NewScanner(in)
	for n := 1; lines.Scan(); n++ {
		weight, c, err := parseLine(lines.Text())
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		calls[c] += weight
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the calls: %w", err)
	}
	if len(calls) == 0 {
		return nil, errors.New("there is no call")
	}
	return calls, nil
}

func parseLine(line string) (weight int64, c call, err error) {
	fields := strings.Split(line, "\t")
	if len(fields) != 4 {
		return 0, c, fmt.Errorf("%d fields instead of 4", len(fields))
	}
	if weight, err = strconv.ParseInt(fields[0], 10, 64); err != nil || weight < 1 {
		return 0, c, errors.New("the weight is no number above 0")
	}
	offset, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return 0, c, errors.New("the line is no number")
	}
	return weight, call{fields[1], offset, fields[3]}, nil
}
