<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: GPL-2.0-or-later

  Makes the parameter table of an agent, for its C file: an enum of indexes AGENT_PARAMETER and
  the array AGENT_params, in the order of the metadata. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
	xmlns:d="https://doppel.invalid/ocf/1">
<xsl:output method="text" encoding="UTF-8"/>
<xsl:variable name="lower" select="'abcdefghijklmnopqrstuvwxyz-'"/>
<xsl:variable name="upper" select="'ABCDEFGHIJKLMNOPQRSTUVWXYZ_'"/>
<xsl:variable name="AGENT" select="translate(/resource-agent/@name, $lower, $upper)"/>
<xsl:variable name="agent" select="translate(/resource-agent/@name, '-', '_')"/>

<xsl:template match="/">
<xsl:text>/* Made from the agent's metadata by parameters.xsl. */&#10;enum {&#10;</xsl:text>
<xsl:for-each select="//parameter">
<xsl:value-of select="concat('    ', $AGENT, '_', translate(@name, $lower, $upper), ',&#10;')"/>
</xsl:for-each>
<xsl:value-of select="concat('    ', $AGENT, '_PARAMS&#10;};&#10;')"/>
<xsl:value-of select="concat('static const struct dpl_ocf_param ', $agent, '_params[] = {&#10;')"/>
<xsl:apply-templates select="//parameter"/>
<xsl:text>};&#10;</xsl:text>
</xsl:template>

<xsl:template match="parameter">
<xsl:variable name="kind">
<xsl:choose>
<xsl:when test="content/@d:kind"><xsl:value-of select="content/@d:kind"/></xsl:when>
<xsl:otherwise><xsl:value-of select="content/@type"/></xsl:otherwise>
</xsl:choose>
</xsl:variable>
<xsl:value-of select="concat('    {.name = &quot;', @name, '&quot;, .kind = DPL_OCF_',
	translate($kind, $lower, $upper))"/>
<xsl:if test="@required = 1">, .required = true</xsl:if>
<xsl:if test="content/@default">
<xsl:value-of select="concat(', .fallback = &quot;', content/@default, '&quot;')"/>
</xsl:if>
<xsl:if test="content/@d:choices">
<xsl:value-of select="concat(', .choices = &quot;', content/@d:choices, '&quot;')"/>
</xsl:if>
<xsl:if test="content/@d:unit">
<xsl:value-of select="concat(', .unit = &quot;', content/@d:unit, '&quot;')"/>
</xsl:if>
<xsl:if test="content/@d:min">
<xsl:value-of select="concat(', .ranged = true, .min = ', content/@d:min, ', .max = ', content/@d:max)"/>
</xsl:if>
<xsl:text>},&#10;</xsl:text>
</xsl:template>
</xsl:stylesheet>
