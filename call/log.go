package call

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// pionLog passes the TURN server's log on at debug: whatever it says, a client can
// cause. Its counters say how often.
type pionLog struct{ log *slog.Logger }

// NewLogger implements logging.LoggerFactory.
func (l pionLog) NewLogger(scope string) logging.LeveledLogger {
	return pionLogger{l.log.With("turn", scope)}
}

type pionLogger struct{ log *slog.Logger }

func (l pionLogger) write(text string) { l.log.Debug(text) }

func (l pionLogger) writef(format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug(fmt.Sprintf(format, args...))
	}
}

func (pionLogger) Trace(string)                        {}
func (pionLogger) Tracef(string, ...any)               {}
func (l pionLogger) Debug(text string)                 { l.write(text) }
func (l pionLogger) Debugf(format string, args ...any) { l.writef(format, args...) }
func (l pionLogger) Info(text string)                  { l.write(text) }
func (l pionLogger) Infof(format string, args ...any)  { l.writef(format, args...) }
func (l pionLogger) Warn(text string)                  { l.write(text) }
func (l pionLogger) Warnf(format string, args ...any)  { l.writef(format, args...) }
func (l pionLogger) Error(text string)                 { l.write(text) }
func (l pionLogger) Errorf(format string, args ...any) { l.writef(format, args...) }
