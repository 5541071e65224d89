package api_test

import (
	"fmt"
	"net/http"
	"testing"
)

// A provider sends the notices of all customers from one address.
func TestNoticesAreNotBoundedPerAddress(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		for i := range 150 {
			if a := b.send(http.MethodPost, "/gateway/sandbox", "", fmt.Sprintf(`{"id":"evt_%d"}`, i)); a.status != http.StatusBadRequest {
				t.Fatalf("notice %d was answered with %d", i, a.status)
			}
		}
		for range 150 {
			if b.send(http.MethodGet, "/api/v1/me", "", "").status == http.StatusTooManyRequests {
				return
			}
		}
		t.Error("any other caller is bounded")
	})
}
