package manager

import (
	"fmt"
	"strings"
	"time"

	"meshlift.dev/lab/parts/systemd/internal/unit"
)

// span writes a duration as systemd does: `1min 30s`, `100ms`, `infinity`.
func span(d time.Duration) string {
	if d == unit.Infinity {
		return "infinity"
	}
	if d == 0 {
		return "0"
	}
	var parts []string
	for _, step := range []struct {
		name string
		size time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"min", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}, {"us", time.Microsecond}} {
		if n := d / step.size; n > 0 {
			parts = append(parts, fmt.Sprintf("%d%s", n, step.name))
			d -= n * step.size
		}
	}
	return strings.Join(parts, " ")
}
