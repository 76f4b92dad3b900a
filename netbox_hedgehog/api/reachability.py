"""The answers about reachability in the REST API."""

from rest_framework import serializers

from ..hedgehog.reachability.answer import VERDICTS

__all__ = ('ReachabilitySerializer',)


class StepSerializer(serializers.Serializer):
    """A resource that decides, and what it says. `url` is its page."""

    kind = serializers.CharField()
    name = serializers.CharField()
    sentence = serializers.CharField()
    url = serializers.CharField(allow_blank=True)


class WaySerializer(serializers.Serializer):
    """The verdict on one way from source to target: why, by which resources, and what would have to change."""

    source = serializers.CharField()
    target = serializers.CharField()
    verdict = serializers.ChoiceField(choices=VERDICTS)
    reason = serializers.CharField()
    steps = StepSerializer(many=True)
    changes = serializers.ListField(child=serializers.CharField())


class ReachabilityDirectionSerializer(WaySerializer):
    """Whether connections can be opened from source to target: the best of the ways, and the others."""

    sentence = serializers.CharField()
    warnings = serializers.ListField(child=serializers.CharField())
    others = WaySerializer(many=True)


class ReachabilitySerializer(serializers.Serializer):
    """Whether two ends of a fabric reach each other: there, and back."""

    there = ReachabilityDirectionSerializer()
    back = ReachabilityDirectionSerializer()
    differs = serializers.BooleanField(help_text='Whether the directions differ in verdict or reason.')
