"""Structured logs: one line an event, `key=value` pairs that a collector can split."""

import json
import logging
from datetime import UTC, datetime

RESERVED = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "request", "status_code", "server_time"}


class FormatEvenement(logging.Formatter):
    """Write time, level, logger, message and every `extra=` value as `key=value`."""

    def format(self, record: logging.LogRecord) -> str:
        pairs = {
            "t": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "niveau": record.levelname,
            "source": record.name,
            "message": record.getMessage(),
        }
        pairs |= {key: value for key, value in vars(record).items() if key not in RESERVED}
        line = " ".join(f"{key}={json.dumps(str(value), ensure_ascii=False)}" for key, value in pairs.items())
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line
