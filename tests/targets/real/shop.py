"""A web service as many are: Flask with a template and a JSON view, served by waitress's threads.

shop.py PORT: on 127.0.0.1 only. Says "ready" when it listens.
"""

import logging
import sys

from flask import Flask, jsonify, render_template_string, request
from waitress import create_server

PAGE = """<!doctype html><title>{{ shop }}</title>
<table>{% for order in orders %}
<tr class="{{ loop.cycle('odd', 'even') }}"><td>{{ order.id }}</td>
<td>{{ order.customer | title }}</td><td>{{ '%.2f' | format(order.total) }}</td></tr>{% endfor %}
</table>"""

app = Flask(__name__)
orders = [{"id": i, "customer": "customer %d <&>" % (i % 97),
           "lines": [{"sku": j, "count": j % 3 + 1, "price": 9.5 + j} for j in range(i % 7 + 1)]}
          for i in range(500)]


def with_total(order):
    return {**order, "total": sum(line["count"] * line["price"] for line in order["lines"])}


@app.route("/orders")
def show_orders():
    first = int(request.args.get("from", 0))
    page = [with_total(order) for order in orders[first:first + 50]]
    return render_template_string(PAGE, shop="Orders", orders=page)


@app.route("/api/totals")
def totals():
    by_customer = {}
    for order in map(with_total, orders):
        by_customer[order["customer"]] = by_customer.get(order["customer"], 0) + order["total"]
    return jsonify(by_customer)


if __name__ == "__main__":
    server = create_server(app, host="127.0.0.1", port=int(sys.argv[1]), threads=4)
    logging.getLogger("waitress").setLevel(logging.ERROR)  # it warns of every short queue
    print("ready", flush=True)
    server.run()
