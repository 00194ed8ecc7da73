"""How simple projects list books: an endpoint that reads the exported CSV with pandas for each request."""

from __future__ import annotations

import pandas as pd
from flask import Flask, Response, jsonify, request


def create_app(csv: str) -> Flask:
    """An app that answers `GET /api/v1/books` as the data API does, from the file at `csv`."""
    app = Flask(__name__)

    @app.get("/api/v1/books")
    def list_books() -> Response:
        page = int(request.args.get("page", 1))
        page_size = int(request.args.get("page_size", 20))
        books = pd.read_csv(csv, keep_default_na=False)
        items = books.iloc[(page - 1) * page_size : page * page_size].to_dict(orient="records")
        pages = -(-len(books) // page_size)
        return jsonify(items=items, page=page, page_size=page_size, total=len(books), pages=pages)

    return app
