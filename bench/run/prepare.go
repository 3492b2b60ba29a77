package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/record"
)

// preparedMonths is in how many months each contact has a row.
const preparedMonths = 3

// prepareRotation mints the contacts and stores their rows.
func prepareRotation(ctx context.Context, o options, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("clear the scratch folder: %w", err)
	}
	people, err := mintContacts(ctx, o, dir)
	if err != nil {
		return err
	}
	dsn, stop, err := startEngine(ctx, o.bin, dir)
	if err != nil {
		return err
	}
	if err := errors.Join(storeContacts(ctx, dsn, people), stop()); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "prepared"), nil, 0o600)
}

// mintContacts makes contacts at a keyholder of the folder and returns their
// pseudonyms.
func mintContacts(ctx context.Context, o options, dir string) (people []event.Handles, err error) {
	run := filepath.Join(dir, "mint")
	if err := os.MkdirAll(run, 0o700); err != nil {
		return nil, fmt.Errorf("make the scratch folder: %w", err)
	}
	socket := filepath.Join(run, "keyholder.sock")
	cmd := exec.Command(filepath.Join(o.bin, "zgoda-keyholder"), "--data", filepath.Join(dir, "zgoda", "data", "keyholder"),
		"--socket", socket, "--mints-per-second", "1000000", "--parent-stdin")
	if err := os.MkdirAll(filepath.Join(dir, "zgoda", "data"), 0o700); err != nil {
		return nil, fmt.Errorf("make the gateway's folder: %w", err)
	}
	c, _, err := start(cmd)
	if err != nil {
		return nil, err
	}
	go func() { c.err = cmd.Wait(); close(c.ended) }()
	defer func() { err = errors.Join(err, c.stop()) }()
	client, err := pseudonym.Dial(pseudonym.ClientConfig{Socket: socket, Deadline: time.Minute})
	if err != nil {
		return nil, err
	}
	defer client.Close() //nolint:errcheck // it has answered or it has not
	var keys pseudonym.Keys
	if err := poll(ctx, 30*time.Second, func() (err error) { keys, err = client.Keys(ctx); return err }); err != nil {
		return nil, fmt.Errorf("ask for the keys: %w", err)
	}
	blinder := pseudonym.NewBlinder(keys.Gate)
	for n := 0; n < o.contacts; {
		var batch []pseudonym.Query
		for ; n < o.contacts && len(batch) < pseudonym.MaxBatch; n++ {
			h1, err := blinder.Blind("bench", event.KindCustomerID, strconv.AppendInt([]byte("prepared-"), int64(n), 10))
			if err != nil {
				return nil, err
			}
			batch = append(batch, pseudonym.Query{H1: h1, Kind: event.KindCustomerID, Mint: true})
		}
		handles, err := client.Resolve(ctx, batch)
		if err != nil {
			return nil, err
		}
		people = append(people, handles...)
	}
	return people, nil
}

// storeContacts stores a row of each contact in each of the last months.
func storeContacts(ctx context.Context, dsn string, people []event.Handles) error {
	store, err := openActivity(ctx, dsn)
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // what was inserted is on disk
	const atOnce = 100_000
	for month := range preparedMonths {
		at := time.Now().UTC().AddDate(0, -month, 0).Truncate(time.Millisecond)
		for first := 0; first < len(people); first += atOnce {
			part := people[first:min(first+atOnce, len(people))]
			rows := make([][]byte, len(part))
			for i := range part {
				rows[i] = record.Append(nil, &record.Record{
					Site: "bench", Type: event.TypeTrack, Scope: event.ScopePerson, MessageID: fmt.Sprintf("prepared-%d-%d", month, first+i),
					Time: at, ReceivedAt: at, ExpiresAt: at.AddDate(1, 0, 0), Subject: part[i].Profiling, KeyVersion: part[i].Version,
					Name: "Product Viewed", PageHost: "shop.example", PagePath: fmt.Sprintf("/shoes/%d", (first+i)%5000),
					Properties: `{"sku":"A-1","price":1299.5,"currency":"EUR"}`, Purposes: 7, DecidedBy: "ledger", PolicyVersion: 1, Country: "SK",
				})
			}
			if err := store.Insert(ctx, fmt.Sprintf("prepared %d %d", month, first), rows); err != nil {
				return err
			}
		}
	}
	return nil
}
