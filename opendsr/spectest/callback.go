package spectest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
)

// Callbacks is a controller's endpoint for callbacks. It takes what is signed and is
// for it, and answers 403 to all else (8.8).
type Callbacks struct {
	Controller *Controller
	URL        string // of this endpoint
	Fail       int    // so many are answered 500 first

	mu     sync.Mutex
	all    []Answer
	errors []error
}

// ServeHTTP takes a callback.
func (c *Callbacks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Fail > 0 {
		c.Fail--
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	var a Answer
	if err == nil {
		err = c.Controller.Check(r.Header, body)
	}
	if err == nil {
		err = json.Unmarshal(body, &a)
	}
	if err == nil && (a.Callback != c.URL || a.ID == "" || a.Status == "" || a.Controller == "" || a.Expected.IsZero()) {
		err = fmt.Errorf("the callback lacks what 8.6 requires: %s", body)
	}
	if err != nil {
		c.errors = append(c.errors, err)
		w.WriteHeader(http.StatusForbidden)
		return
	}
	c.all = append(c.all, a)
}

// Results returns the link to results that a callback about a request had last; "":
// none had.
func (c *Callbacks) Results(id string) (link string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.all {
		if c.all[i].ID == id && c.all[i].ResultsURL != "" {
			link = c.all[i].ResultsURL
		}
	}
	return link
}

// Told returns the statuses that were told of a request, in order, and what was wrong
// with callbacks that were refused.
func (c *Callbacks) Told(id string) ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for i := range c.all {
		if c.all[i].ID == id && !slices.Contains(out, c.all[i].Status) {
			out = append(out, c.all[i].Status)
		}
	}
	return out, errors.Join(c.errors...)
}
