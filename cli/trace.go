package cli

import "io"

func printTrace(out io.Writer, trace []byte) error { return printJSON(out, trace) }
