package main

import (
	"fmt"
	"io"

	"github.com/google/pprof/profile"
)

// firstLine is where every function of a profile made of text begins.
const firstLine = 1 << 20

// fromProfile counts the calls in the stacks of a CPU profile.
func fromProfile(in io.Reader) (weights, error) {
	p, err := profile.Parse(in)
	if err != nil {
		return nil, fmt.Errorf("read the profile: %w", err)
	}
	calls := make(weights)
	for _, s := range p.Sample {
		seen := make(map[call]bool) // a stack that returns to a function counts once
		for _, c := range stackCalls(s.Location) {
			if !seen[c] {
				seen[c] = true
				calls[c] += s.Value[0]
			}
		}
	}
	return calls, nil
}

// stackCalls returns the calls of one stack, inlined ones too.
func stackCalls(stack []*profile.Location) (calls []call) {
	var callee string
	for _, l := range stack {
		for _, frame := range l.Line {
			f := frame.Function
			if callee != "" {
				calls = append(calls, call{f.SystemName, frame.Line - f.StartLine, callee})
			}
			callee = f.SystemName
		}
	}
	return calls
}

// writeProfile writes a profile in which each call is a stack of two.
func writeProfile(out io.Writer, calls weights) error {
	p := &profile.Profile{SampleType: []*profile.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}}}
	functions := make(map[string]*profile.Function)
	at := func(name string, offset int64) *profile.Location {
		f := functions[name]
		if f == nil {
			f = &profile.Function{ID: uint64(len(p.Function)) + 1, Name: name, SystemName: name, StartLine: firstLine}
			functions[name] = f
			p.Function = append(p.Function, f)
		}
		l := &profile.Location{ID: uint64(len(p.Location)) + 1, Line: []profile.Line{{Function: f, Line: firstLine + offset}}}
		p.Location = append(p.Location, l)
		return l
	}
	for _, c := range calls.ordered() {
		p.Sample = append(p.Sample, &profile.Sample{
			Location: []*profile.Location{at(c.callee, 0), at(c.caller, c.offset)},
			Value:    []int64{calls[c], calls[c]},
		})
	}
	if err := p.Write(out); err != nil {
		return fmt.Errorf("write the profile: %w", err)
	}
	return nil
}
