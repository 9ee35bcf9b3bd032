<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: GPL-2.0-or-later

  Makes what the action meta-data prints: the source without what is ours alone, with the version,
  and with a document type that both OCF 1.1 and the older ra-api-1.dtd accept: its internal subset
  adds what OCF 1.1 has and the DTD has not. No encoding is named, as crmsh reads none. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" encoding="UTF-8" omit-xml-declaration="yes"/>
<xsl:param name="version"/>

<xsl:template match="/">
<xsl:text disable-output-escaping="yes">&lt;?xml version="1.0"?&gt;
&lt;!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd" [
&lt;!ATTLIST parameter unique-group CDATA #IMPLIED reloadable (1|0) "0"&gt;
&lt;!ATTLIST action name NMTOKEN #REQUIRED&gt;
]&gt;
</xsl:text>
<xsl:apply-templates select="*"/>
<xsl:text>&#10;</xsl:text>
</xsl:template>

<xsl:template match="resource-agent">
<resource-agent name="{@name}" version="{$version}">
<xsl:apply-templates/>
</resource-agent>
</xsl:template>

<!-- Elements by name, so that no declaration of a name space comes along. -->
<xsl:template match="*">
<xsl:element name="{name()}">
<xsl:copy-of select="@*[namespace-uri() = '']"/>
<xsl:apply-templates/>
</xsl:element>
</xsl:template>
</xsl:stylesheet>
