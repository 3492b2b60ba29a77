package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "hot:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("give one word: text or pprof")
	}
	switch args[0] {
	case "text":
		calls, err := fromProfile(in)
		if err != nil {
			return err
		}
		return writeText(out, heaviest(calls))
	case "pprof":
		calls, err := readText(in)
		if err != nil {
			return err
		}
		return writeProfile(out, calls)
	default:
		return fmt.Errorf("%s is neither text nor pprof", args[0])
	}
}
