package enrich

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"sync/atomic"

	"github.com/oschwald/maxminddb-golang/v2"
)

// countries is the base of countries by address.
type countries struct {
	reader *maxminddb.Reader
	known  [knownCodes]atomic.Pointer[knownCode]
}

// knownCodes is how many records of the base are kept decoded; a base of
// countries has one for each country, of 256 or fewer.
const knownCodes = 1024

// knownCode is a record of the base: its place, and the country it tells.
type knownCode struct {
	at   uintptr
	code string
}

// openCountries opens a base. A file that is not there is no error: countries
// stay empty then.
func openCountries(path string) (*countries, error) {
	if path == "" {
		return nil, nil
	}
	reader, err := maxminddb.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the base of countries: %w", err)
	}
	return &countries{reader: reader}, nil
}

// country returns the ISO 3166-1 alpha-2 code, or an empty text.
func (c *countries) country(a netip.Addr) string {
	if c == nil || !a.IsValid() {
		return ""
	}
	result := c.reader.Lookup(a.Unmap().WithZone(""))
	if !result.Found() {
		return ""
	}
	at := result.Offset()
	known := &c.known[uint64(at)*0x9E3779B97F4A7C15>>54]
	if k := known.Load(); k != nil && k.at == at {
		return k.code
	}
	code := codeOf(result)
	known.Store(&knownCode{at, code})
	return code
}

// codeOf decodes a record.
func codeOf(result maxminddb.Result) string {
	var code string
	for _, path := range [...][]any{{"country_code"}, {"country", "iso_code"}} {
		if err := result.DecodePath(&code, path...); err == nil && len(code) == 2 {
			return code
		}
	}
	return ""
}
