"""Acts a person with Mastodon.py, a client of others: `people.py URL TOKEN METHOD JSON` prints the answer."""

import json
import sys

from mastodon import Mastodon

url, token, method, arguments = sys.argv[1:]
client = Mastodon(access_token=token, api_base_url=url, version_check_mode="none")
print(json.dumps(getattr(client, method)(**json.loads(arguments)), default=str))
