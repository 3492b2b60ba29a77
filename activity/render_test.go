package activity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
)

func TestCells(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	some := "x"
	for _, tt := range []struct {
		column string
		value  any
		want   string
	}{
		{"String", "a", "a"},
		{"String", "\xff", "ff"},
		{"FixedString(4)", "ab\x00\x00", "ab"},
		{"FixedString(2)", "\x00\x00", "0000"},
		{"FixedString(2)", "\x01\xff", "01ff"},
		{"Nullable(FixedString(2))", "\x01\xff", "01ff"},
		{"Nullable(String)", &some, "x"},
		{"Nullable(String)", (*string)(nil), "null"},
		{"LowCardinality(Nullable(String))", &some, "x"},
		{"DateTime64(6, 'UTC')", at, "2026-01-02 03:04:05.678000"},
		{"DateTime('UTC')", at, "2026-01-02 03:04:05"},
		{"Nullable(Date32)", at, "2026-01-02"},
		{"Array(UInt8)", []byte{1, 2}, "[1,2]"},
		{"Array(Nullable(UInt8))", []*uint8{nil}, "[null]"},
		{"Array(FixedString(1))", []string{"\xff"}, `["ff"]`},
		{"Map(String, UInt8)", map[string]uint8{"b": 2, "a": 1}, `{"a":1,"b":2}`},
		{"Float64", math.Inf(1), "inf"},
		{"Float64", math.NaN(), "nan"},
		{"Float32", float32(0.1), "0.1"},
		{"UInt64", uint64(math.MaxUint64), "18446744073709551615"},
		{"Bool", true, "true"},
	} {
		if got := cell(parseKind(tt.column).plain(tt.value)); got != tt.want {
			t.Errorf("%s %v: %q, want %q", tt.column, tt.value, got, tt.want)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("FixedString(2)", "\x00\xff")
	f.Add("Array(String", "a\tb\n<&>\\")
	f.Add("DateTime64(", "")
	f.Fuzz(func(t *testing.T, name, text string) {
		k := parseKind(name)
		if line := tsvEscapes.Replace(cell(k.plain(text))); strings.ContainsAny(line, "\t\n") {
			t.Errorf("%q breaks a TSV line", line)
		}
		if !json.Valid(jsonOf(k.plain(text))) {
			t.Errorf("%q is no JSON", jsonOf(k.plain(text)))
		}
	})
}

func TestParseFormat(t *testing.T) {
	for _, f := range []Format{TSV, JSON, CSV, Pretty} {
		if got, err := ParseFormat(f.String()); err != nil || got != f {
			t.Error(got, err)
		}
	}
	if _, err := ParseFormat("XML"); err == nil {
		t.Error("XML was taken")
	}
}

func TestClassify(t *testing.T) {
	for name, tt := range map[string]struct {
		err    error
		poison bool
		is     error
	}{
		"type mismatch": {&clickhouse.Exception{Code: 53, Message: "jana@example.org"}, true, nil},
		"parse":         {fmt.Errorf("x: %w", &clickhouse.Exception{Code: 6, Message: "jana@example.org"}), true, nil},
		"too many":      {&clickhouse.Exception{Code: 252, Message: "jana@example.org"}, false, nil},
		"disk":          {&clickhouse.Exception{Code: 243, Message: "jana@example.org"}, false, nil},
		"client side":   {&column.ColumnConverterError{Op: "jana@example.org"}, true, nil},
		"network":       {errors.New("read jana@example.org"), false, nil},
		"cancelled":     {fmt.Errorf("x: %w", context.Canceled), false, context.Canceled},
		"deadline":      {context.DeadlineExceeded, false, context.DeadlineExceeded},
	} {
		err := classify("insert", tt.err)
		var e *Error
		if !errors.As(err, &e) || e.Poison() != tt.poison || e.Transient() == tt.poison {
			t.Errorf("%s: %v", name, err)
		}
		if tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%s does not unwrap", name)
		}
		if strings.Contains(err.Error(), "jana") {
			t.Errorf("%s repeats content: %v", name, err)
		}
	}
}

func TestConfigIsRedacted(t *testing.T) {
	c := DefaultConfig()
	c.DSN, c.Password = "clickhouse://u:canary@h/d", "canary"
	text, err := c.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	if all := fmt.Sprintf("%v %+v %#v %s %s", c, c, c, c.LogValue(), text); strings.Contains(all, "canary") {
		t.Error(all)
	}
	if _, err := Open(t.Context(), Config{}); err == nil {
		t.Error("an empty configuration was taken")
	}
	c.Address = "x"
	if err := c.Validate(); err == nil {
		t.Error("dsn and address together were taken")
	}
}
