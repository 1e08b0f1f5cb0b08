"""Drives Gavel with redis-py, unmodified: commands, pipelines without and with transactions, errors, subscriptions.

Usage: redis_py.py PORT PROTOCOL(2|3) TERMS(JSON). Exits with 0 when everything was as it should be.
"""

import json
import sys

import redis


def code(error):
    """The first word of an error, which redis-py gives either within the message or not at all."""
    return str(error).split(" ", 1)[0]


def check(condition, *facts):
    if not condition:
        raise SystemExit(f"not as it should be: {facts!r}")


def check_single_commands(client, auction):
    check(client.ping() is True)
    check(client.echo("hello") == "hello")
    receipt = client.execute_command("BID", auction, 1, 5_000)
    check(receipt[0] == "LEADING" and receipt[2] == 1_000, receipt)
    try:
        client.execute_command("BID", auction, 2, 1)
    except redis.ResponseError as error:
        check(str(error) == "TOOLOW bid at least 1100", error)
    else:
        raise SystemExit("a bid of 1 was accepted")


def check_pipeline(client, auction):
    """Refused commands in a pipeline come back as errors in their places; the others are carried out."""
    pipeline = client.pipeline(transaction=False)
    amounts = [10_000 + 200 * step for step in range(1_000)]
    for step, amount in enumerate(amounts):
        pipeline.execute_command("BID", auction, 100 + step % 2, amount)
        pipeline.execute_command("BID", auction, 100 + step % 2, 1)
    replies = pipeline.execute(raise_on_error=False)
    check(len(replies) == 2_000, len(replies))
    for accepted, refused in zip(replies[0::2], replies[1::2]):
        check(isinstance(accepted, list) and accepted[0] == "LEADING", accepted)
        check(isinstance(refused, redis.ResponseError) and code(refused) == "TOOLOW", refused)
    shown = json.loads(client.execute_command("AUCTION", "GET", auction))
    check(shown["bid_count"] == 1_001 and shown["leader"] == "101", shown)


def check_transaction(client, auction):
    """redis-py's default pipeline is a transaction, of which there are none: it is told so, and nothing of it is done."""
    before = json.loads(client.execute_command("AUCTION", "GET", auction))
    pipeline = client.pipeline()
    pipeline.execute_command("BID", auction, 7, 500_000)
    try:
        pipeline.execute()
    except redis.ResponseError as error:
        check("transactions are not supported" in str(error) and "transaction=False" in str(error), error)
    else:
        raise SystemExit("a transaction was carried out")
    after = json.loads(client.execute_command("AUCTION", "GET", auction))
    check(after == before, before, after)


def check_catalogue(client):
    commands = client.command()
    check(len(commands) == client.command_count(), commands.keys())
    bid = commands["bid"]
    check(bid["arity"] == -4 and set(bid["flags"]) == {"write"}, bid)
    check(len(commands["auction"]["subcommands"]) == 10, commands["auction"])


def check_subscription(client, auction):
    channel = f"auction:{auction}"
    subscription = client.pubsub()
    subscription.subscribe(channel)
    check(subscription.get_message(timeout=30)["type"] == "subscribe")
    receipt = client.execute_command("BID", auction, 9, 1_000_000)
    message = subscription.get_message(timeout=30)
    check(message["type"] == "message" and message["channel"] == channel, message)
    state = json.loads(message["data"])
    check(state["leader"] == "9" and state["position"] == receipt[1], state, receipt)
    subscription.unsubscribe(channel)
    check(subscription.get_message(timeout=30)["type"] == "unsubscribe")
    subscription.close()


def main():
    port, protocol, terms = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    client = redis.Redis(
        port=port, protocol=protocol, decode_responses=True, client_name="redis-py", socket_timeout=30
    )
    auction = client.execute_command("AUCTION", "OPEN", terms)
    check_single_commands(client, auction)
    check_pipeline(client, auction)
    check_transaction(client, auction)
    check_catalogue(client)
    check_subscription(client, auction)


main()
