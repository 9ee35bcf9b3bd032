<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: GPL-2.0-or-later

  Makes an agent's manual page, ocf_doppel_AGENT(7), from its metadata, in plain man macros. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="text" encoding="UTF-8"/>
<xsl:strip-space elements="*"/>
<xsl:param name="version"/>
<xsl:variable name="agent" select="/resource-agent/@name"/>

<!-- Text for roff: what it would take for its own is escaped. -->
<xsl:template name="replace">
<xsl:param name="text"/>
<xsl:param name="from"/>
<xsl:param name="to"/>
<xsl:choose>
<xsl:when test="contains($text, $from)">
<xsl:value-of select="concat(substring-before($text, $from), $to)"/>
<xsl:call-template name="replace">
<xsl:with-param name="text" select="substring-after($text, $from)"/>
<xsl:with-param name="from" select="$from"/>
<xsl:with-param name="to" select="$to"/>
</xsl:call-template>
</xsl:when>
<xsl:otherwise><xsl:value-of select="$text"/></xsl:otherwise>
</xsl:choose>
</xsl:template>

<xsl:template name="roff">
<xsl:param name="text"/>
<xsl:variable name="slashes">
<xsl:call-template name="replace">
<xsl:with-param name="text" select="$text"/>
<xsl:with-param name="from" select="'\'"/>
<xsl:with-param name="to" select="'\e'"/>
</xsl:call-template>
</xsl:variable>
<xsl:variable name="dashes">
<xsl:call-template name="replace">
<xsl:with-param name="text" select="$slashes"/>
<xsl:with-param name="from" select="'-'"/>
<xsl:with-param name="to" select="'\-'"/>
</xsl:call-template>
</xsl:variable>
<xsl:call-template name="replace">
<xsl:with-param name="text" select="$dashes"/>
<xsl:with-param name="from" select='"&apos;"'/>
<xsl:with-param name="to" select="'\(aq'"/>
</xsl:call-template>
</xsl:template>

<!-- A description: an empty line parts paragraphs; \& keeps a leading dot from being a request. -->
<xsl:template name="paragraphs">
<xsl:param name="text"/>
<xsl:param name="between"/>
<xsl:variable name="first" select="normalize-space(substring-before(concat($text, '&#10;&#10;'), '&#10;&#10;'))"/>
<xsl:variable name="rest" select="substring-after($text, '&#10;&#10;')"/>
<xsl:if test="$first != ''">
<xsl:text>\&amp;</xsl:text>
<xsl:call-template name="roff"><xsl:with-param name="text" select="$first"/></xsl:call-template>
<xsl:text>&#10;</xsl:text>
</xsl:if>
<xsl:if test="normalize-space($rest) != ''">
<xsl:value-of select="concat($between, '&#10;')"/>
<xsl:call-template name="paragraphs">
<xsl:with-param name="text" select="$rest"/>
<xsl:with-param name="between" select="$between"/>
</xsl:call-template>
</xsl:if>
</xsl:template>

<xsl:template match="/resource-agent">
<xsl:text>.\" Made from the agent's metadata.&#10;</xsl:text>
<xsl:value-of select="concat('.TH OCF_DOPPEL_', translate($agent, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'),
	' 7 &quot;&quot; &quot;doppel ', $version, '&quot; &quot;OCF resource agents&quot;&#10;')"/>
<xsl:text>.SH NAME&#10;ocf_doppel_</xsl:text><xsl:value-of select="$agent"/><xsl:text> \- </xsl:text>
<xsl:call-template name="roff"><xsl:with-param name="text" select="normalize-space(shortdesc)"/></xsl:call-template>
<xsl:text>&#10;.SH SYNOPSIS&#10;.nf&#10;\fBprimitive\fP \fINAME\fP \fBocf:doppel:</xsl:text>
<xsl:call-template name="roff"><xsl:with-param name="text" select="$agent"/></xsl:call-template>
<xsl:text>\fP \fBparams\fP</xsl:text>
<xsl:for-each select="parameters/parameter[@required = 1]">
<xsl:value-of select="concat(' \fB', @name, '\fP=\fIVALUE\fP')"/>
</xsl:for-each>
<xsl:text> ...&#10;.fi&#10;.SH DESCRIPTION&#10;</xsl:text>
<xsl:call-template name="paragraphs">
<xsl:with-param name="text" select="string(longdesc)"/>
<xsl:with-param name="between" select="'.PP'"/>
</xsl:call-template>
<xsl:text>.SH PARAMETERS&#10;</xsl:text>
<xsl:apply-templates select="parameters/parameter"/>
<xsl:text>.SH ACTIONS&#10;</xsl:text>
<xsl:apply-templates select="actions/action"/>
<xsl:text>.PP
Pacemaker takes 20 s for an operation that sets no timeout of its own. The agent gives its reason and
ends shortly before the timeout runs out; an action that took more than half of it says where the
time went. With the parameter \fBtrace_ra\fP=1 each action writes the time of its steps to
\fI/var/lib/heartbeat/trace_ra/</xsl:text>
<xsl:call-template name="roff"><xsl:with-param name="text" select="$agent"/></xsl:call-template>
<xsl:text>/\fP (or to \fBtrace_file\fP, or beneath \fBtrace_dir\fP).
\fBvalidate\-all\fP looks at the parameters alone, at this host with OCF_CHECK_LEVEL=10, and at the
network or service too with 20.
.SH EXIT STATUS
0 success, 1 failed, 2 a parameter does not fit this host or bad usage, 3 no such action, 4 no
permission, 5 something needed is not installed, 6 a parameter is missing or wrong, 7 not running.
The reason is a line that begins with \(lqocf\-exit\-reason:\(rq on the standard error.
</xsl:text>
</xsl:template>

<xsl:template match="parameter">
<xsl:value-of select="concat('.TP&#10;.B ', @name, '&#10;')"/>
<xsl:call-template name="paragraphs">
<xsl:with-param name="text" select="string(longdesc)"/>
<xsl:with-param name="between" select="'.IP'"/>
</xsl:call-template>
<xsl:text>.IP&#10;(</xsl:text>
<xsl:value-of select="content/@type"/>
<xsl:choose>
<xsl:when test="@required = 1">, required</xsl:when>
<xsl:when test="content/@default">
<xsl:text>, default </xsl:text>
<xsl:call-template name="roff"><xsl:with-param name="text" select="content/@default"/></xsl:call-template>
</xsl:when>
<xsl:otherwise>, optional</xsl:otherwise>
</xsl:choose>
<xsl:if test="@unique-group">, unique</xsl:if>
<xsl:if test="@reloadable = 1">, reloadable</xsl:if>
<xsl:text>)&#10;</xsl:text>
</xsl:template>

<xsl:template match="action">
<xsl:text>.TP&#10;.B </xsl:text>
<xsl:call-template name="roff"><xsl:with-param name="text" select="@name"/></xsl:call-template>
<xsl:text>&#10;suggested timeout </xsl:text>
<xsl:value-of select="@timeout"/>
<xsl:if test="@interval"><xsl:value-of select="concat(', every ', @interval)"/></xsl:if>
<xsl:text>&#10;</xsl:text>
</xsl:template>
</xsl:stylesheet>
