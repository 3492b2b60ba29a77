package mix

import (
	"errors"
	"fmt"
)

// Config says what the requests are.
type Config struct {
	Batch    int     // events in a request; 1: single events
	Visitors uint64  // known visitors, drawn by Zipf's law
	New      float64 // share of events whose visitor was never seen before
	Identify float64 // share of events that are identify calls of a server
	Fill     bool    // instead of drawing, each known visitor once, in order
	Run      uint64  // a number of this load alone: no two runs share a message id or a new visitor
	Key      string  // the site's public key
	Secret   string  // the site's secret key
	Origin   string  // a listed origin of the site
	Cookies  []string
	// Cookies are the Cookie headers of visitors who chose in the gateway's own
	// dialogue; with some, a part of the single events comes from its snippet.
}

// Default returns the mix that is measured: 5 % identify, 1 % new visitors, a
// million known ones.
func Default(batch int) Config {
	return Config{Batch: batch, Visitors: 1_000_000, New: 0.01, Identify: 0.05}
}

// Validate says what is wrong, by key.
func (c Config) Validate() error {
	var errs []error
	if c.Batch < 1 || c.Batch > 2500 {
		errs = append(errs, errors.New("mix.batch: must be 1 to 2500"))
	}
	if c.Visitors < 1 || c.Visitors >= firstNew {
		errs = append(errs, errors.New("mix.visitors: must be 1 to 2^32-1"))
	}
	for _, share := range []float64{c.New, c.Identify} {
		if share < 0 || share > 1 {
			errs = append(errs, errors.New("mix.new, mix.identify: must be 0 to 1"))
		}
	}
	if c.Run >= 1<<20 {
		errs = append(errs, errors.New("mix.run: must be below 2^20"))
	}
	if c.Key == "" || c.Secret == "" || c.Origin == "" {
		errs = append(errs, fmt.Errorf("mix.key, mix.secret, mix.origin: are missing"))
	}
	return errors.Join(errs...)
}
