package enrich

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"

	"github.com/oschwald/maxminddb-golang/v2"
)

// countries is the base of countries by address.
type countries struct{ reader *maxminddb.Reader }

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
	return &countries{reader}, nil
}

// country returns the ISO 3166-1 alpha-2 code, or an empty text.
func (c *countries) country(a netip.Addr) string {
	if c == nil || !a.IsValid() {
		return ""
	}
	result := c.reader.Lookup(a.Unmap().WithZone(""))
	var code string
	for _, path := range [...][]any{{"country_code"}, {"country", "iso_code"}} {
		if err := result.DecodePath(&code, path...); err == nil && len(code) == 2 {
			return code
		}
	}
	return ""
}
