// Command build writes web/dist from web/src. Run it from the project's root:
//
//	go run ./web/build
package main

import (
	"fmt"
	"os"

	"zgoda/web/bundle"
)

func main() {
	if err := bundle.Write("web/src", "web/dist"); err != nil {
		fmt.Fprintln(os.Stderr, "web/build:", err)
		os.Exit(1)
	}
}
