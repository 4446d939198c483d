"""VK keeps what the hub relies on: the conformance kit, on its double."""

from hub.testing import AdapterContract
from plugins.vk import VK
from plugins.vk.sandbox import VKDouble


class TestVK(AdapterContract):
    adapter = VK
    double = VKDouble
    no_threads_because = "on VK a post cannot answer a post; the parts stand side by side"
