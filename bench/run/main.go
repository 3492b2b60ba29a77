// Command run measures the gateway beside servers that do less, under the same
// load and in the same run, and writes what it found to bench/results.
//
//	run quick      a minute and a half: single events and batches of 100
//	run full       every scenario
//	run rotation   contacts get new pseudonyms under load
//	run erase      contacts are erased from many rows under load
//	run cold       new identifiers at half load
//	run instruments  what counting, timing and scraping cost at peak
//	run soak       mixed load for an hour with processes killed
//	run bare, run durable, run generate    the processes that these start
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"zgoda/bench/yardstick"
)

// options are those of every measurement.
type options struct {
	bin         string
	results     string
	name        string
	scratch     string
	connections int
	rounds      int
	round       time.Duration
	visitors    uint64
	only        string
	lasts       time.Duration
	other       string
	contacts    int
	rows        uint64
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		args = []string{"full"}
	}
	switch command, rest := args[0], args[1:]; command {
	case "bare":
		return serve(func(l net.Listener) error { return yardstick.ServeBare(l) })
	case "durable":
		if len(rest) != 1 {
			return fmt.Errorf("durable: give the folder of its files")
		}
		return serve(func(l net.Listener) error { return yardstick.ServeDurable(ctx, l, rest[0]) })
	case "generate":
		return generate(ctx, os.Stdin, os.Stdout)
	case "still":
		if len(rest) == 0 {
			return fmt.Errorf("still: give how long to watch")
		}
		return watchStill(ctx, rest[0], os.Stdout)
	case "train":
		if len(rest) == 0 {
			return fmt.Errorf("train: give the profile's file")
		}
		o, err := parse("quick", rest[1:])
		if err != nil {
			return err
		}
		return train(ctx, o, rest[0])
	case "quick", "full", "soak", "rotation", "erase", "cold", "instruments":
		o, err := parse(command, rest)
		if err != nil {
			return err
		}
		return map[string]func(context.Context, options) error{"quick": quick, "full": full, "soak": soak, "rotation": rotation, "erase": erasure, "cold": cold, "instruments": instruments}[command](ctx, o)
	default:
		return fmt.Errorf("%s is none of quick, full, soak, rotation, erase, cold, instruments, train", command)
	}
}

func parse(command string, args []string) (o options, err error) {
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.StringVar(&o.bin, "bin", "bin", "folder of the binaries")
	flags.StringVar(&o.results, "results", filepath.Join("bench", "results"), "folder for the report; empty: print it only")
	flags.StringVar(&o.name, "name", command, "name of the report")
	flags.StringVar(&o.scratch, "scratch", "", "folder for data, on the disk to be measured; empty: the system's temporary folder")
	flags.IntVar(&o.connections, "connections", 128, "connections of a closed loop")
	flags.IntVar(&o.rounds, "rounds", 3, "rounds, in turn over all servers; medians are reported")
	flags.DurationVar(&o.round, "round", 4*time.Second, "length of a round")
	flags.Uint64Var(&o.visitors, "visitors", defaultVisitors[command], "known visitors, drawn by Zipf's law")
	flags.StringVar(&o.only, "only", "", "of quick: single, batch, sustained or half; of rotation and erase: prepare; of erase: export; of instruments: profile, batch, scrape, keyholder or pairs")
	flags.IntVar(&o.contacts, "contacts", map[string]int{"rotation": 1_000_000, "erase": 10_000}[command], "of rotation and erase: how many")
	flags.StringVar(&o.other, "other", "", "of instruments: folder of the binaries of another build, to compare with")
	flags.Uint64Var(&o.rows, "rows", 100_000_000, "of erase: how many, a year's")
	flags.DurationVar(&o.lasts, "time", map[string]time.Duration{"soak": time.Hour, "erase": 6 * time.Minute}[command], "of soak and erase: how long")
	return o, flags.Parse(args)
}

var defaultVisitors = map[string]uint64{"quick": 100_000, "full": 1_000_000, "soak": 200_000, "rotation": 100_000, "erase": 100_000, "cold": 100_000, "instruments": 100_000}

// serve serves a yardstick until standard input ends or a signal comes.
func serve(with func(net.Listener) error) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go closeAtEnd(l)
	fmt.Printf("ready public=http://%s\n", l.Addr())
	return with(l)
}

// closeAtEnd closes l when standard input ends or a signal comes.
func closeAtEnd(l net.Listener) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var b [1]byte
		for {
			if _, err := os.Stdin.Read(b[:]); err != nil {
				return
			}
		}
	}()
	select {
	case <-signals:
	case <-ended:
	}
	_ = l.Close()
}
