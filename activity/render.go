package activity

import (
	"encoding"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"net"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// kind is what rendering needs to know of a column's type: how times are
// written, and whether bytes are pseudonyms.
type kind struct {
	date   bool
	digits int // of a fraction of a second
	fixed  bool
	bytes  bool // an array of UInt8, which scans as bytes but is no text
}

// parseKind reads the outermost type that matters, through Nullable,
// LowCardinality and Array.
func parseKind(name string) kind {
	array := strings.Contains(name, "Array(")
	for {
		inner, wrapped := name, false
		for _, wrapper := range []string{"Nullable(", "LowCardinality(", "Array("} {
			if rest, ok := strings.CutPrefix(inner, wrapper); ok {
				inner, wrapped = strings.TrimSuffix(rest, ")"), true
			}
		}
		name = inner
		if !wrapped {
			break
		}
	}
	var k kind
	switch {
	case strings.HasPrefix(name, "DateTime64("):
		if rest := name[len("DateTime64("):]; rest != "" && rest[0] >= '0' && rest[0] <= '9' {
			k.digits = int(rest[0] - '0')
		}
	case strings.HasPrefix(name, "DateTime"):
	case strings.HasPrefix(name, "Date"):
		k.date = true
	case strings.HasPrefix(name, "FixedString"):
		k.fixed = true
	case name == "UInt8":
		k.bytes = array
	}
	return k
}

// timeText writes a time as ClickHouse does, in the column's zone.
func (k kind) timeText(t time.Time) string {
	switch {
	case k.date:
		return t.Format("2006-01-02")
	case k.digits > 0:
		return t.Format("2006-01-02 15:04:05." + strings.Repeat("0", k.digits))
	}
	return t.Format("2006-01-02 15:04:05")
}

// printable writes text as it is, and bytes that are no text as lower-case hex.
func (k kind) printable(s string) string {
	if k.fixed {
		if trimmed := strings.TrimRight(s, "\x00"); trimmed != "" && isText(trimmed) {
			return trimmed
		}
		return hex.EncodeToString([]byte(s))
	}
	if utf8.ValidString(s) {
		return s
	}
	return hex.EncodeToString([]byte(s))
}

func isText(s string) bool {
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// plain turns a scanned value into one of nil, string, bool, json.Number,
// []any and map-like pairs.
func (k kind) plain(v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return k.printable(v)
	case []byte:
		if k.bytes {
			out := make([]any, len(v))
			for i, b := range v {
				out[i] = json.Number(strconv.Itoa(int(b)))
			}
			return out
		}
		return k.printable(string(v))
	case bool:
		return v
	case time.Time:
		return k.timeText(v)
	case time.Duration:
		return v.String()
	case net.IP:
		return v.String()
	case big.Int:
		return json.Number(v.String())
	case *big.Int:
		if v == nil {
			return nil
		}
		return json.Number(v.String())
	}
	return k.reflected(reflect.ValueOf(v))
}

func (k kind) reflected(r reflect.Value) any {
	switch r.Kind() {
	case reflect.Pointer, reflect.Interface:
		if r.IsNil() {
			return nil
		}
		if r.Kind() == reflect.Interface || !implementsText(r) {
			return k.plain(r.Elem().Interface())
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return json.Number(strconv.FormatInt(r.Int(), 10))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return json.Number(strconv.FormatUint(r.Uint(), 10))
	case reflect.Float32:
		return number(r.Float(), 32)
	case reflect.Float64:
		return number(r.Float(), 64)
	case reflect.Map:
		return k.pairs(r)
	default:
	}
	if m, ok := reflect.TypeAssert[encoding.TextMarshaler](r); ok {
		if text, err := m.MarshalText(); err == nil {
			return string(text)
		}
	}
	if s, ok := reflect.TypeAssert[fmt.Stringer](r); ok {
		return s.String()
	}
	if r.Kind() == reflect.Slice || r.Kind() == reflect.Array {
		out := make([]any, r.Len())
		for i := range out {
			out[i] = k.plain(r.Index(i).Interface())
		}
		return out
	}
	return fmt.Sprint(r.Interface())
}

func implementsText(r reflect.Value) bool {
	_, ok := reflect.TypeAssert[encoding.TextMarshaler](r)
	return ok
}

// number writes a float; what JSON has no number for is a text.
func number(f float64, bits int) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return strings.ToLower(strings.TrimPrefix(strconv.FormatFloat(f, 'g', -1, bits), "+"))
	}
	return json.Number(strconv.FormatFloat(f, 'g', -1, bits))
}

// pair is one entry of a map.
type pair struct {
	key   string
	value any
}

// pairs are a map's entries by key.
func (k kind) pairs(r reflect.Value) any {
	out := make([]pair, 0, r.Len())
	for it := r.MapRange(); it.Next(); {
		out = append(out, pair{cell(k.plain(it.Key().Interface())), k.plain(it.Value().Interface())})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].key < out[j].key })
	return out
}

// cell writes a plain value as one text.
func cell(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return string(jsonOf(v))
}

// jsonOf writes a plain value as JSON.
func jsonOf(v any) []byte {
	switch v := v.(type) {
	case []any:
		out := []byte{'['}
		for i, e := range v {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(out, jsonOf(e)...)
		}
		return append(out, ']')
	case []pair:
		out := []byte{'{'}
		for i, e := range v {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(append(append(out, jsonOf(e.key)...), ':'), jsonOf(e.value)...)
		}
		return append(out, '}')
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return []byte("null")
	}
	return []byte(strings.TrimSuffix(b.String(), "\n"))
}
